//! The law and the planner, held against an oracle that shares no code with them, and by tables.

mod failures;
mod law;
mod matrix;
mod oracle;
mod permits;
mod promised;
mod published;
mod world;
