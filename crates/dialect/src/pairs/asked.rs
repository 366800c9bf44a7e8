use super::{WAYS, cases, hosts, lines, name, read, render};
use crate::Way;

/// What a host is asked, by every way in; of those that are refused whoever answers, why.
#[test]
fn every_way_in_is_asked_of_every_host() {
    for (way, text) in WAYS {
        insta::assert_snapshot!(format!("{}.refused", name(way)), refused(way, text));
        for (host, carry) in hosts() {
            let mut all = String::new();
            for (case, body) in cases(text) {
                let Ok(question) = read(way, body) else { continue };
                let told = match question.fits(&carry) {
                    Err(misfit) => format!("misfit: {}", misfit.field),
                    Ok(()) => {
                        let rendered = render(&question, &carry);
                        let left_out = rendered.left_out.join(" ");
                        let left_out = if left_out.is_empty() { left_out } else { format!("left out: {left_out}\n") };
                        format!("{left_out}{}", lines(rendered.body.expose_bytes()))
                    }
                };
                all.push_str(&format!("# {case}\n{told}\n\n"));
            }
            insta::assert_snapshot!(format!("{}.{host}", name(way)), all);
        }
    }
}

fn refused(way: Way, text: &str) -> String {
    let told = |(case, body): (&str, &str)| {
        let refusal = read(way, body).err()?;
        let at = refusal.param.as_deref().unwrap_or_default();
        Some(format!("# {case}\n{} at {at}\n{}", refusal.code.as_str(), refusal.message))
    };
    cases(text).into_iter().filter_map(told).collect::<Vec<_>>().join("\n\n")
}
