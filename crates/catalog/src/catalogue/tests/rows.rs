use phi_words::Modality;

use super::super::*;
use super::{BASE, built_in, problems};
use crate::{Dialect, Sound};

#[test]
fn a_voice_in_high_definition_is_of_the_row_that_costs_as_much() {
    let catalogue = built_in();
    let speak = |row: &&Arc<Row>| row.modality == Modality::Speech && row.host.dialect == Dialect::AzureSpeech;
    let rows: Vec<_> = catalogue.rows().iter().filter(speak).collect();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let is_fine = row.own.as_str().ends_with("-hd");
        assert_eq!(row.carries.voices.len(), 13, "{}: each of OpenAI's", row.route);
        assert!(row.carries.voices.values().all(|voice| voice.contains(":DragonHD") == is_fine), "{}", row.route);
        assert!(!row.carries.sounds.contains(&Sound::Aac) && row.carries.sounds.contains(&Sound::Pcm), "{}", row.route);
    }
    let plain = BASE.replace("\"chat\"", "\"speech\"").replace("input = \"0.10\", output", "characters");
    let plain = Catalogue::parse(&[("a.toml", &plain)]).unwrap();
    let row = plain.rows().first().unwrap();
    assert_eq!((row.carries.sounds.len(), row.carries.voices.len()), (6, 0), "all, where nothing is said");
}

#[test]
fn every_problem_is_told_at_once() {
    let more = r#"
        [host.cellar]
        provider = "nobody"
        dialect = "openai"
        address = "http://10.0.0.1/v1"
        auth = "none"
        processes_in = ["CH"]
        evidence = "vendor"
        source = " "
        date = "2026-11-01"

        [host.bad]
        provider = "acme"
        colour = "red"

        [route.on-bad]
        host = "bad"
        model = "x"
        own = "x"
        modality = "chat"
        status = "staged"

        [route.auto]
        host = "none"
        model = "x"
        own = "x"
        modality = "chat"
        status = "staged"

        [agreement.x]
        a = 1
    "#;
    let all = problems(more);
    let starts: Vec<_> = all.iter().map(|p| p.split(": ").next().unwrap()).collect();
    let expected = [
        "agreement",
        "host.bad",
        "host.cellar.address",
        "host.cellar.address",
        "host.cellar.auth",
        "host.cellar.provider",
        "host.cellar.source",
        "route.auto.host",
    ];
    assert_eq!(starts, expected, "{all:#?}");
}
