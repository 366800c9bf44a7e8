//! Some hosts seal the thought behind a call, and want the seal back with it. Anthropic's format has no place for that beside
//! a call, but callers give back thoughts in cipher as they are: so the seal goes out and comes home as one.

/// Ours begin so; those of Anthropic's models are base64, which has no colon.
const MARK: &str = "phi:";

/// What a thought in cipher holds that carries the seal of the call of this id.
pub(crate) fn write(id: &str, seal: &str) -> String {
    format!("{MARK}{}:{id}{seal}", id.len())
}

/// The id of a call and its seal, if a thought in cipher carries one.
pub(crate) fn read(data: &str) -> Option<(&str, &str)> {
    let (length, rest) = data.strip_prefix(MARK)?.split_once(':')?;
    rest.split_at_checked(length.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_another_host_hides_is_no_seal_of_ours() {
        for data in ["", "EuYBCkQYAiJA", "phi:", "phi:a:b", "phi:9:short", "phi:-1:ab", "phi:1:\u{fc}"] {
            assert_eq!(read(data), None, "{data}");
        }
    }

    proptest! {
        #[test]
        fn any_seal_reads_back(id in any::<String>(), seal in any::<String>()) {
            let data = write(&id, &seal);
            prop_assert_eq!(read(&data), Some((&*id, &*seal)));
        }
    }
}
