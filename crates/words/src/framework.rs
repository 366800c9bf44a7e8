use crate::modality::closed;

closed!(/// A body of law that an agreement is made under.
Framework, "framework", "`HIPAA`, `GDPR`, `nFADP` or `PHIPA`", {
    /// The US Health Insurance Portability and Accountability Act.
    Hipaa = "HIPAA",
    /// The EU's General Data Protection Regulation.
    Gdpr = "GDPR",
    /// The new Swiss Federal Act on Data Protection.
    Nfadp = "nFADP",
    /// Ontario's Personal Health Information Protection Act.
    Phipa = "PHIPA",
});
