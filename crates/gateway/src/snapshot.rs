use std::sync::Arc;

use phi_catalog::Catalogue;
use phi_identify::Directory;
use phi_route::{Settings, Standing};

/// Everything that a request is judged by, read once at its beginning. It is never changed: a new one takes its place.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts up with every change of the store, the catalogue or the settings.
    pub version: u64,
    /// Who is known.
    pub directory: Directory,
    /// Who could answer.
    pub catalogue: Arc<Catalogue>,
    /// Which agreements and credentials stand.
    pub standing: Standing,
    /// The deployment's settings of routing.
    pub settings: Settings,
}
