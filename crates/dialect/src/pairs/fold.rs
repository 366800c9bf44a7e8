//! What SDKs make of a stream.
