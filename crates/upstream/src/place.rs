//! Where an answer says that it was made, compared with where its host says that it processes.

use phi_catalog::Extent;

/// Azure's regions, as `x-ms-region` names them, white space and case aside, with the country of each
/// (<https://learn.microsoft.com/azure/reliability/regions-list>).
const AZURE: &[(&str, &str)] = &[
    ("switzerlandnorth", "CH"),
    ("switzerlandwest", "CH"),
    ("westeurope", "NL"),
    ("northeurope", "IE"),
    ("francecentral", "FR"),
    ("francesouth", "FR"),
    ("germanywestcentral", "DE"),
    ("germanynorth", "DE"),
    ("swedencentral", "SE"),
    ("swedensouth", "SE"),
    ("italynorth", "IT"),
    ("polandcentral", "PL"),
    ("spaincentral", "ES"),
    ("norwayeast", "NO"),
    ("uksouth", "GB"),
    ("ukwest", "GB"),
    ("eastus", "US"),
    ("eastus2", "US"),
    ("centralus", "US"),
    ("northcentralus", "US"),
    ("southcentralus", "US"),
    ("westcentralus", "US"),
    ("westus", "US"),
    ("westus2", "US"),
    ("westus3", "US"),
    ("canadacentral", "CA"),
    ("canadaeast", "CA"),
    ("centralindia", "IN"),
    ("southindia", "IN"),
    ("australiaeast", "AU"),
    ("japaneast", "JP"),
    ("japanwest", "JP"),
    ("koreacentral", "KR"),
    ("southeastasia", "SG"),
    ("uaenorth", "AE"),
    ("brazilsouth", "BR"),
];

/// Anthropic's places, as `usage.inference_geo` names them, that are one country's. `global` is none
/// (<https://platform.claude.com/docs/en/manage-claude/data-residency>).
const ANTHROPIC: &[(&str, &str)] = &[("us", "US")];

/// The place that an answer tells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told<'a> {
    /// In the header `x-ms-region`.
    Header(&'a str),
    /// In `usage.inference_geo`.
    Usage(&'a str),
}

/// Whether the place that an answer tells lies outside of where its host processes. A place that we do not know counts
/// as outside, unless the host promises no place at all.
pub(crate) fn differs(told: Told<'_>, processes_in: &Extent) -> bool {
    let Some(countries) = processes_in.countries() else { return false };
    let (told, known) = match told {
        Told::Header(told) => (told, AZURE),
        Told::Usage(told) => (told, ANTHROPIC),
    };
    let name: String = told.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    let country = known.iter().find(|(place, _)| *place == name).map(|(_, country)| *country);
    !country.is_some_and(|code| countries.iter().any(|country| country.to_string() == code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_elsewhere_is_noticed() {
        let swiss = Extent::Countries(["CH".parse().expect("a country")].into());
        let differs = |told, extent: &Extent| super::differs(Told::Header(told), extent);
        assert!(!differs("Switzerland North", &swiss));
        assert!(!differs("switzerlandwest", &swiss));
        for elsewhere in ["West Europe", "eastus", "", "Switzerland", "switzerlandnorth2"] {
            assert!(differs(elsewhere, &swiss), "{elsewhere}");
        }
        assert!(!differs("eastus", &Extent::Anywhere));
    }

    #[test]
    fn what_usage_tells_is_compared_likewise() {
        let extent = |codes: &[&str]| Extent::Countries(codes.iter().map(|c| c.parse().expect("a country")).collect());
        let differs = |told, extent: &Extent| super::differs(Told::Usage(told), extent);
        for home in [extent(&["US"]), extent(&["US", "CA"])] {
            assert!(!differs("us", &home) && !differs(" US", &home));
            for elsewhere in ["global", "eu", "", "not_available", "eastus", "usa"] {
                assert!(differs(elsewhere, &home), "{elsewhere}");
            }
        }
        assert!(differs("us", &extent(&["CH"])) && differs("global", &extent(&["CH"])));
        assert!(!differs("us", &Extent::Anywhere) && !differs("global", &Extent::Anywhere));
    }
}
