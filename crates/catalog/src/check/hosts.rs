use std::collections::BTreeMap;
use std::sync::Arc;

use phi_words::HostName;

use super::{Hosts, Providers};
use crate::file::{Entries, Found, Section};
use crate::written::WrittenHost;
use crate::{Auth, Host, Problem};

pub(super) fn hosts(entries: &mut Entries, providers: &Providers) -> Hosts {
    let mut hosts = BTreeMap::new();
    for found in entries.take::<HostName, WrittenHost>(Section::Host) {
        let mut problems = problems(&found);
        let provider = &found.value.provider;
        if !providers.contains_key(provider) && !entries.has(Section::Provider, provider.as_str()) {
            let hint = format!("add `[provider.{provider}]`");
            problems.push(found.problem("provider", format!("no provider is named `{provider}`"), hint));
        }
        entries.problems.append(&mut problems);
        let written = found.value;
        let host = Host {
            name: found.name.clone(),
            provider: written.provider.clone(),
            dialect: written.dialect,
            address: written.address.clone(),
            auth: written.auth,
            premises: written.premises,
            free: written.free,
            processes_in: written.processes_in.clone(),
            evidence: written.evidence,
            source: written.source.clone(),
            date: written.date,
        };
        hosts.insert(found.name, (Arc::new(host), written));
    }
    hosts
}

fn problems(found: &Found<HostName, WrittenHost>) -> Vec<Problem> {
    let (host, mut problems) = (&found.value, Vec::new());
    let premises = "set `premises = true` if the host stands on your premises";
    if !host.address.is_tls() && !host.premises {
        problems.push(found.problem("address", "plain HTTP is for hosts on the premises alone", premises));
    }
    if host.address.is_private() && !host.premises {
        problems.push(found.problem("address", "a private address is for hosts on the premises alone", premises));
    }
    if host.auth == Auth::None && !host.premises {
        problems.push(found.problem("auth", "a host without a key is one on the premises alone", premises));
    }
    if host.auth == Auth::GoogleServiceAccount && (host.premises || !host.address.is_vertex()) {
        let hint =
            "its address is `https://aiplatform.googleapis.com/…`, or that of a location, and not on the premises";
        problems.push(found.problem("auth", "the token of a service account is for Vertex AI alone", hint));
    }
    if host.auth == Auth::AwsSigV4 && (host.premises || host.address.aws_region().is_none()) {
        let hint = "its address is `https://bedrock-runtime.REGION.amazonaws.com/model`, and not on the premises";
        problems.push(found.problem("auth", "requests are signed for Amazon Bedrock alone", hint));
    }
    if host.source.trim().is_empty() {
        problems.push(found.problem("source", "is empty", "say where the host's place is known from"));
    }
    problems
}
