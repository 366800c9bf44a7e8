//! Who answers: a pure function of a permit, the catalogue, what stands, the settings and the time.
//!
//! [`plan`] is the only way to a [`Plan`]. It weighs every route that the asked name may mean, applies the law of
//! `residency.rs` to each, and sorts what is left. Nothing here does I/O.

mod carry;
mod dropped;
pub mod health;
mod moment;
mod offered;
mod plan;
mod published;
mod refuse;
mod residency;
mod scene;
mod site;
mod standing;
mod survey;
mod weigh;

pub use carry::carry;
pub use dropped::Dropped;
pub use health::Health;
pub use offered::offered;
pub use plan::{Plan, Planned, plan};
pub use published::{Published, frameworks_offered, published};
pub use residency::{Eligible, Lack, Resident, is_general_work};
pub use scene::Scene;
pub use site::Site;
pub use standing::{Settings, Standing};
pub use survey::{Cell, Surveyed, survey};
pub use weigh::{Candidate, Weighed, weigh};

#[cfg(test)]
mod tests;
