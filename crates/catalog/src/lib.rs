//! Who could answer, where, at what price: regions, providers, hosts, routes, names and rates, read from TOML files and
//! checked as a whole. A catalogue never changes once it is read; a new one takes its place.
//!
//! The files of the folder `catalog` are part of the binary. An operator adds to them, or replaces entries of them, in
//! the folder `catalog.d`: an entry there with the same section and name takes the place of the built-in one as a
//! whole, and `[price.ROUTE]` that of a route's price alone. No I/O happens beyond reading that folder.
//!
//! A whole file of an operator:
//!
//! ```toml
#![doc = include_str!("../sample.toml")]
//! ```

mod address;
mod agreement;
mod catalogue;
mod check;
mod file;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod host;
pub mod import;
mod name;
mod place;
mod price;
mod problem;
mod provider;
mod row;
mod written;

pub use address::{Address, Template, Unfilled};
pub use agreement::{Agreement, Kind, State};
pub use catalogue::Catalogue;
pub use file::files;
pub use host::{Auth, Dialect, Evidence, Host};
pub use name::{AUTO, Alias, Named};
pub use place::{Extent, Territory};
pub use price::{Above, CREDITS, Cost, CostError, ExactUsd, MARGIN_BP, Micros, Price, Rate, UnitPrice};
pub use problem::{Problem, Problems};
pub use provider::{Offer, Provider};
pub use row::{Carries, JsonObject, LimitName, Retirement, Row, Says, Sound, Status, Tokenizer};
