//! What must hold of any bytes: the body of this crate's fuzz target (`script/fuzz`), which a test asks about all that was
//! found so far. It is not part of what ships.

use std::sync::LazyLock;

use jiff::civil::Date;
use phi_catalog::Catalogue;

use crate::config::{Config, ConfigError, Written};
use crate::litellm;

/// Whatever a settings file holds, it is refused in words that can be printed, or settings that hold: nobody is served
/// without TLS from outside unasked, and what is shown of them reads as the same.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let written = match Written::parse(text, "phi.toml".as_ref()) {
        Ok(written) => written,
        Err(error) => return can_be_printed(&error),
    };
    let config = match written.check() {
        Ok(config) => config,
        Err(error) => return can_be_printed(&error),
    };
    assert!(config.traffic.ip().to_canonical().is_loopback() || config.tls.is_some() || written.listen.plaintext);
    assert!(config.tls.is_none() || (written.listen.certificate.is_some() && written.listen.key.is_some()));
    let shown = toml::to_string(&written).expect("settings can be shown");
    let again = Written::parse(&shown, "phi.toml".as_ref()).expect("what is shown can be read");
    let again = again.check().expect("what is shown holds");
    assert_eq!(said(&again), said(&config));
}

/// Whatever the settings of a LiteLLM proxy hold, see `litellm::judge`.
pub fn imports(bytes: &[u8]) {
    static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load(None).expect("the built-in catalogue"));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    litellm::judge(text, &BUILT_IN, Date::constant(2026, 11, 21));
}

fn said(config: &Config) -> String {
    format!("{config:?}")
}

fn can_be_printed(error: &ConfigError) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn what_fuzzing_found_of_settings_holds() {
        super::replay::replay("config", super::config);
    }

    #[test]
    fn what_fuzzing_found_of_a_proxys_settings_holds() {
        super::replay::replay("imports", super::imports);
    }
}
