//! What must hold of any bytes: the bodies of this crate's fuzz targets (`script/fuzz`), which tests ask about all that
//! was found so far. It is not part of what ships.

mod body;
mod eventstream;
mod json;
mod reply;
mod stream;

pub use body::body;
pub use eventstream::eventstream;
pub use json::json;
pub use reply::reply;
pub use stream::stream;

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;

    #[test]
    fn what_fuzzing_found_of_json_holds() {
        replay("json", super::json);
    }

    #[test]
    fn what_fuzzing_found_of_bodies_holds() {
        replay("body", super::body);
    }

    #[test]
    fn what_fuzzing_found_of_replies_holds() {
        replay("reply", super::reply);
    }

    #[test]
    fn what_fuzzing_found_of_event_streams_holds() {
        replay("eventstream", super::eventstream);
    }

    #[test]
    fn what_fuzzing_found_of_streams_holds() {
        replay("stream", super::stream);
    }
}
