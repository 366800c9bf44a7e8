use std::fmt;

use bytes::Bytes;

macro_rules! payload {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        pub struct $name(Bytes);

        impl $name {
            /// Wraps bytes that must not be written down anywhere.
            pub fn new(bytes: impl Into<Bytes>) -> Self {
                Self(bytes.into())
            }

            /// How many bytes it is: the one thing that a log may say of it.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether it is empty.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// The bytes themselves, to be sent or read, never to be stored or printed.
            pub fn expose_bytes(&self) -> &Bytes {
                &self.0
            }

            /// The bytes themselves, given away.
            pub fn expose_into_bytes(self) -> Bytes {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(..)"))
            }
        }
    };
}

payload!(/// What a caller sent. Nobody may read it from a log, an error or a panic: Debug is empty and there is no Display.
    Prompt);
payload!(/// What a host answered, whole or one frame of it; as secret as a [`Prompt`].
    Completion);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_does_not_show_itself() {
        assert_eq!(format!("{:?}", Prompt::new("patient 4711")), "Prompt(..)");
        assert_eq!(format!("{:?}", Completion::new("patient 4711")), "Completion(..)");
    }
}
