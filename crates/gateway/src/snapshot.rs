use std::sync::Arc;

use phi_identify::Directory;
use phi_route::Scene;

/// Everything that a request is judged by, read once at its beginning. It is never changed: a new one takes its place.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts up with every change of the store, the catalogue or the settings.
    pub version: u64,
    /// Who is known.
    pub directory: Directory,
    /// Who could answer: the catalogue, which agreements and credentials stand, and the settings.
    pub scene: Arc<Scene>,
}
