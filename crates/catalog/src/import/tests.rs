use phi_words::RouteId;

use super::*;

const LITELLM: &str = include_str!("../../golden/litellm.json");
const MODELS_DEV: &str = include_str!("../../golden/models-dev.json");
const GENAI_PRICES: &str = include_str!("../../golden/genai-prices.json");

/// Hosts of the names that tables are read for, each with one row.
fn catalogue() -> Catalogue {
    catalogue_with("")
}

/// The same with something more.
fn catalogue_with(more: &str) -> Catalogue {
    let host = |name: &str, provider: &str| {
        format!(
            "[host.{name}]\nprovider = '{provider}'\ndialect = 'openai'\naddress = 'https://{name}.example/v1'\n\
             auth = 'bearer'\nprocesses_in = 'anywhere'\nevidence = 'vendor'\nsource = 'a test'\ndate = '2026-11-21'\n"
        )
    };
    let row = |id: &str, host: &str, own: &str, more: &str| {
        format!(
            "[route.{id}]\nhost = '{host}'\nmodel = '{}'\nown = '{own}'\nstatus = 'staged'\n{more}\n",
            own.rsplit('/').next().unwrap().to_ascii_lowercase()
        )
    };
    let (scaleway, azure) = ("scaleway", "azure-transcription-eastus");
    let priced = |currency: &str, list: &str| format!("price = {{ currency = '{currency}', {list} }}");
    let chat = |currency: &str, list: &str| format!("modality = 'chat'\n{}", priced(currency, list));
    let heard = |currency: &str, list: &str| format!("modality = 'transcription'\n{}", priced(currency, list));
    let small = "capabilities = ['tools', 'vision']\ncontext = 128000\nmax_output = 32768\n";
    let parts = [
        ["scaleway", "together", "azure", "bedrock", "google"]
            .map(|name| format!("[provider.{name}]\ntitle = 'x'\n"))
            .join(""),
        "[rate.EUR]\nusd = '1.10'\nsource = 'a test'\ndate = '2026-11-21'\n".to_owned(),
        "[region.WORLD]\ncountries = 'anywhere'\n".to_owned(),
        host(scaleway, "scaleway"),
        host("together", "together") + &host("together-global", "together"),
        host(azure, "azure") + &host("bedrock-global", "bedrock"),
        host("google-global", "google") + &host("google-us", "google"),
        row("s-small", scaleway, "small-it", &format!("{small}{}", chat("EUR", "input = '0.20', output = '0.50'"))),
        row("s-heard", scaleway, "heard-large", &heard("EUR", "audio_hour = '0.20'")),
        row("t-us", "together", "maker/Wide-1", &chat("USD", "input = '1.75', output = '5.50', cache_read = '0.325'")),
        row("t-world", "together-global", "maker/Wide-1", &chat("USD", "input = '14.00', output = '4.40'")),
        row("a-heard", azure, "speech-to-text", &heard("USD", "audio_hour = '1.00'")),
        row("g-us", "google-us", "google/gemini-9", &chat("USD", "input = '0.33', output = '2.75'")),
        row("g-world", "google-global", "google/gemini-9", &chat("USD", "input = '0.30', output = '2.50'")),
        more.to_owned(),
    ];
    Catalogue::parse(&[("tested.toml", &parts.join("\n"))]).unwrap()
}

fn today() -> Date {
    "2026-11-21".parse().unwrap()
}

fn read(format: Format, text: &str) -> Result<Table, TableError> {
    Table::read(format, text, today(), &BTreeSet::new())
}

fn compared(format: Format, text: &str) -> Comparison {
    read(format, text).unwrap().compare(&catalogue(), today(), &BTreeSet::new())
}

/// `route field ours > table`
fn told(compared: &Comparison) -> Vec<String> {
    let line = |one: &Difference| {
        let far = if one.far { " far" } else { "" };
        format!("{} {} {} > {}{far}", one.route, one.field, one.ours.as_deref().unwrap_or("-"), one.table)
    };
    compared.differences.iter().map(line).collect()
}

#[test]
fn litellm_is_compared_in_our_units_and_in_the_currency_that_is_charged() {
    assert_eq!(
        told(&compared(Format::LiteLlm, LITELLM)),
        [
            "s-small capabilities.vision yes > no",
            "s-small context 128000 > 256000",
            "s-small price.input 0.20 > 0.25",
            "t-us context - > 1048575",
            "t-us max_output - > 128000",
            "t-world context - > 1048575",
            "t-world max_output - > 128000",
            "t-world price.cache_read 14.00 > 0.26 far",
            "t-world price.input 14.00 > 1.40",
        ]
    );
    let table = read(Format::LiteLlm, LITELLM).unwrap();
    for (oddity, part) in
        [("EUR", "Scaleway"), ("quarter more", "Together"), ("zero", "not known"), ("divided", "hour")]
    {
        let met = table.oddities().iter().any(|line| line.contains(oddity) && line.contains(part));
        assert!(met, "{oddity}: {:?}", table.oddities());
    }
    let unread = |what: &str| {
        table.unread().iter().filter(|it| it.what.contains(what)).map(|it| it.key.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(unread("zero"), ["scaleway/openai/heard-large", "scaleway/openai/heard-large"], "zero is not free");
    assert_eq!(unread("a model alone"), ["azure/hd/1024-x-1024/pictures"]);
    assert_eq!(unread("class of models"), ["together-ai-4.1b-8b"]);
    assert_eq!(table.elsewhere().get("elsewhere"), Some(&1));
    assert_eq!(table.wordless().get("input_cost_per_token_above_200k_tokens_priority"), Some(&1));
    assert_eq!(table.wordless().get("input_cost_per_token_above_200k_tokens"), None);
}

#[test]
fn what_is_new_is_staged_where_the_table_says_where_it_is_and_its_file_holds() {
    let compared = compared(Format::LiteLlm, LITELLM);
    let told: Vec<(&str, Result<&str, &str>)> =
        compared.candidates.iter().map(|it| (it.key.as_str(), it.route().map(RouteId::as_str))).collect();
    let stated = |key: &str| told.iter().find(|(known, _)| *known == key).unwrap().1;
    assert_eq!(stated("scaleway/vendor/large-it"), Ok("scaleway-large-it"));
    assert_eq!(stated("together_ai/maker/Vectors-2"), Ok("together-global-vectors-2"));
    assert_eq!(stated("global.maker.brief-v1:0"), Ok("bedrock-global-global.maker.brief-v1-0"));
    assert!(stated("maker.brief-v1:0").is_err_and(|why| why.contains("state the host")), "a place is not guessed");
    assert!(stated("scaleway/vendor/vectors").is_err_and(|why| why.contains("dimension")));
    assert!(stated("together_ai/maker/Gone-1").is_err_and(|why| why.contains("gone already")));
    let text = compared.file("https://table.example", today());
    assert!(text.contains("for long requests (`input_cost_per_token_above_200k_tokens_priority`)"), "{text}");
    assert!(text.contains("# price.\"s-small\" = { currency = \"EUR\", input = \"0.25\" }"), "{text}");
    let base: toml::Table = text.parse().unwrap();
    assert_eq!(base.keys().collect::<Vec<_>>(), ["route"], "nothing but routes, and no price of a row that there is");
    let over = Catalogue::over(&[vec![("catalog.d/new.toml".to_owned(), text)]]).unwrap();
    let large = over.row(&"scaleway-large-it".parse().unwrap()).unwrap();
    assert_eq!(large.status, crate::Status::Staged);
    assert!(large.pin_only && !large.public && large.source.is_some() && large.date == Some(today()));
    assert_eq!(large.max_output, None, "the window written twice is no limit");
    let price = large.price.clone().unwrap();
    assert_eq!((price.currency.as_str(), price.input.unwrap().to_string()), ("EUR", "0.60".to_owned()));
    let above: Vec<_> = price.above.iter().map(|above| (above.input_tokens, above.input, above.output)).collect();
    assert_eq!(
        above,
        [(200_000, Some(crate::Micros(1_200_000)), price.output)],
        "what has no other price keeps its own"
    );
    assert!(
        over.rows()
            .iter()
            .filter(|row| row.source.as_deref() == Some("https://table.example"))
            .all(|row| !row.is_live(today()))
    );
}

#[test]
fn models_dev_is_read_with_its_minute_in_a_field_of_tokens() {
    let compared = compared(Format::ModelsDev, MODELS_DEV);
    assert_eq!(
        told(&compared),
        [
            "g-us capabilities.audio no > yes",
            "g-us capabilities.reasoning no > yes",
            "g-us capabilities.tools no > yes",
            "g-us capabilities.vision no > yes",
            "g-us context - > 1048576",
            "g-us max_output - > 65536",
            "g-world capabilities.audio no > yes",
            "g-world capabilities.reasoning no > yes",
            "g-world capabilities.tools no > yes",
            "g-world capabilities.vision no > yes",
            "g-world context - > 1048576",
            "g-world max_output - > 65536",
            "g-world price.above.272000.cache_read - > 0.03",
            "g-world price.above.272000.input - > 0.60",
            "g-world price.above.272000.output - > 3.75",
            "g-world price.cache_read 0.30 > 0.03",
            "s-heard price.audio_hour 0.20 > 0.18",
            "s-small capabilities.json_schema no > yes",
            "s-small capabilities.reasoning no > yes",
            "s-small context 128000 > 256000",
            "s-small max_output 32768 > 16384",
            "s-small price.input 0.20 > 0.25",
        ]
    );
    assert!(compared.unpriced.contains("g-us"), "a multi-region has other prices, which the table does not tell");
    assert_eq!(read(Format::ModelsDev, MODELS_DEV).unwrap().elsewhere().get("elsewhere"), Some(&2));
}

#[test]
fn genai_prices_is_read_by_its_first_rule_and_its_last_day_that_has_begun() {
    let compared = compared(Format::GenaiPrices, GENAI_PRICES);
    assert_eq!(
        told(&compared),
        [
            "t-us context - > 1000000",
            "t-us price.above.200000.input - > 1.50",
            "t-us price.above.200000.output - > 11.00",
            "t-us price.input 1.75 > 1.50",
            "t-world context - > 1000000",
            "t-world price.above.200000.input - > 1.20",
            "t-world price.above.200000.output - > 8.80",
            "t-world price.input 14.00 > 1.20 far",
        ]
    );
    assert!(compared.candidates.iter().all(|it| it.route().is_err()), "rules are no ids");
    let table = read(Format::GenaiPrices, GENAI_PRICES).unwrap();
    let unread: Vec<&str> = table.unread().iter().map(|it| it.key.as_str()).collect();
    assert_eq!(unread, ["together/by-night", "together/by-pattern"]);
    let text = compared.file("https://table.example", today());
    assert!(
        text.contains("above = [{ input_tokens = 200000, input = \"1.50\", output = \"11.00\" }] }"),
        "a table that tells a price of long input tells it in our words: {text}"
    );
}

#[test]
fn the_format_is_seen_where_it_can_be() {
    for (text, format) in
        [(LITELLM, Format::LiteLlm), (MODELS_DEV, Format::ModelsDev), (GENAI_PRICES, Format::GenaiPrices)]
    {
        assert_eq!(Format::seen_in(text), Ok(format));
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    for text in ["{}", "{\"a\": 1}", "{\"a\": {\"models\": {}}, \"b\": {\"litellm_provider\": \"x\"}}", "7", "\"x\""] {
        assert_eq!(Format::seen_in(text), Err(TableError::Unknown), "{text}");
    }
    assert!("csv".parse::<Format>().is_err());
}

fn entry(fields: &str) -> String {
    format!("{{\"scaleway/x\": {{\"litellm_provider\": \"scaleway\", \"mode\": \"chat\", {fields}}}}}")
}

#[test]
fn a_table_with_a_price_that_cannot_be_right_is_refused_unless_it_is_left_out() {
    for (fields, why) in [
        ("\"input_cost_per_token\": -1e-7", "negative"),
        ("\"input_cost_per_token\": 0.0032", "more than 1000"),
        ("\"input_cost_per_token\": 1e400", "no size"),
        ("\"input_cost_per_token\": 3e-7, \"output_cost_per_token\": 900", "more than 1000"),
    ] {
        let text = entry(fields);
        let error = read(Format::LiteLlm, &text).unwrap_err();
        assert!(matches!(error, TableError::Prices(_)) && error.to_string().contains(why), "{fields}: {error}");
        let without = BTreeSet::from(["scaleway/x".to_owned()]);
        assert!(Table::read(Format::LiteLlm, &text, today(), &without).is_ok(), "{fields}");
    }
    let without = BTreeSet::from(["scaleway/y".to_owned()]);
    let error = Table::read(Format::LiteLlm, LITELLM, today(), &without).unwrap_err();
    assert_eq!(error, TableError::NoEntry("scaleway/y".to_owned()));
}

#[test]
fn a_price_of_long_input_that_is_not_clear_is_said_to_be_so() {
    let read = |cost: &str| {
        let table = read(Format::LiteLlm, &entry(&format!("\"input_cost_per_token\": 3e-7, {cost}"))).unwrap();
        let unread: Vec<_> = table.unread().iter().map(|it| it.what.clone()).collect();
        (
            table.compare(&catalogue(), today(), &BTreeSet::new()).file("https://table.example", today()),
            unread.join("\n"),
        )
    };
    let out = "\"output_cost_per_token\": 3e-6";
    let (text, unread) = read(&format!("{out}, \"cache_read_input_token_cost_above_128k_tokens\": 1e-7"));
    assert!(unread.contains("`above.128000.cache_read` has none below it") && !text.contains("above = "), "{text}");
    let (text, unread) = read(&format!("{out}, \"input_cost_per_token_above_128k_tokens\": 0"));
    assert!(unread.contains("is zero") && text.contains("does not tell what is charged above 128000"), "{text}");
    for odd in ["above_0k", "above_k", "above_1.5k", "above_+1k", "above_999999k", "above_200k_above_1k"] {
        let (text, _) = read(&format!("{out}, \"input_cost_per_token_{odd}_tokens\": 1e-6"));
        assert!(text.contains("has other prices for long requests") && !text.contains("above = "), "{odd}: {text}");
    }
    let two = "\"input_cost_per_token_above_128k_tokens\": 6e-7, \"output_cost_per_token_above_256k_tokens\": 9e-6";
    let (text, _) = read(&format!("{out}, {two}"));
    let above = "above = [{ input_tokens = 128000, input = \"0.60\", output = \"3.00\" }, \
                 { input_tokens = 256000, input = \"0.60\", output = \"9.00\" }]";
    assert!(text.contains(above), "{text}");
}

#[test]
fn our_price_of_long_input_that_a_table_does_not_have_is_a_difference() {
    let ours = "[price.s-small]\ncurrency = 'EUR'\ninput = '0.25'\noutput = '0.50'\n\
                above = [{ input_tokens = 100000, input = '1', output = '1' }]\n";
    let table = read(Format::LiteLlm, LITELLM).unwrap();
    let priced = catalogue_with(ours);
    let told = told(&table.compare(&priced, today(), &BTreeSet::new()));
    assert!(told.contains(&"s-small price.above.100000.input 1.00 > no such price".to_owned()), "{told:?}");
}

#[test]
fn what_stands_twice_or_is_no_table_is_refused_as_a_whole() {
    let twice = "{\"scaleway/x\": {\"litellm_provider\": \"scaleway\"}, \"scaleway\\u002fx\": {}}";
    assert_eq!(read(Format::LiteLlm, twice).unwrap_err(), TableError::Twice("scaleway/x".into()));
    let inner = entry("\"mode\": \"ocr\"");
    assert_eq!(read(Format::LiteLlm, &inner).unwrap_err(), TableError::Twice("scaleway/x.mode".into()));
    let cost = MODELS_DEV.replace("\"input\": 0.25,", "\"input\": 0.25, \"input\": 0.26,");
    assert!(matches!(read(Format::ModelsDev, &cost).unwrap_err(), TableError::Twice(at) if at.ends_with("cost.input")));
    for text in ["", "{", "{\"a\": }", "{\"a\": {}} x"] {
        let error = read(Format::LiteLlm, text).unwrap_err();
        assert!(matches!(error, TableError::NotJson { .. }), "{text}: {error}");
    }
    let lines = read(Format::LiteLlm, "{\"a\\n[route.x]\": {}}").unwrap_err();
    assert!(lines.to_string().contains("characters"), "a name cannot begin another line of a file: {lines}");
    assert!(matches!(read(Format::ModelsDev, "{\"scaleway\": {}}").unwrap_err(), TableError::Shape("models.dev", _)));
    assert!(matches!(read(Format::GenaiPrices, "[{\"id\": \"openai\"}]").unwrap_err(), TableError::Shape(..)));
    assert!(read(Format::GenaiPrices, "[7]").is_err());
}

#[test]
fn what_is_of_another_kind_than_it_should_be_is_noted_and_never_read_as_something() {
    let text = entry(
        "\"input_cost_per_token\": \"3e-7\", \"output_cost_per_token\": 1.2999999999999998e-06, \"max_input_tokens\": 1.5, \
         \"supports_vision\": \"yes\", \"deprecation_date\": \"soon\"",
    );
    let table = read(Format::LiteLlm, &text).unwrap();
    let whats: Vec<&str> = table.unread().iter().map(|it| it.what.as_str()).collect();
    for field in [
        "`input_cost_per_token` is no number",
        "finer than a millionth",
        "`max_input_tokens` is no",
        "`supports_vision`",
        "no day",
    ] {
        assert!(whats.iter().any(|what| what.contains(field)), "{field}: {whats:?}");
    }
    let compared = table.compare(&catalogue(), today(), &BTreeSet::new());
    let text = compared.file("https://table.example", today());
    assert!(text.contains("Its price was not found.") && !text.contains("price ="), "{text}");
    let other = BTreeSet::from(["together".parse().unwrap()]);
    assert!(table.compare(&catalogue(), today(), &other).candidates.is_empty(), "of another provider");
}
