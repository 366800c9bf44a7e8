//! The real binary, where hosts are reached through a proxy only.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use phi_simulate::{Ca, Host, Http, Proxy, ProxyFault};
use serde_json::json;

use crate::call::Ask;
use crate::deploy::{Deploy, MODEL, PROVIDER_KEY, rows};
use crate::serving::Serving;

/// Resolved by nobody but the proxy.
const NAME: &str = "api.tested.invalid";
const LOGIN: &str = "clinic:open-sesame-77";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_reached_through_the_proxy_of_the_settings() {
    let ca = Ca::new().expect("an authority");
    let host = Host::start_tls(ca.identity_by(&[NAME], Http::Two).expect("an identity")).await.expect("a host");
    let proxy = Proxy::start(HashMap::from([(format!("{NAME}:443"), host.address())])).await.expect("a proxy");
    let deploy = Deploy::ready(host.address());
    let far = rows(host.address()).replace(&format!("http://{}", host.address()), &format!("https://{NAME}"));
    deploy.catalogue("tested.toml", &far.replace("premises = true\n", ""));
    let (ca_file, login) = (deploy.root().join("ca.pem"), deploy.root().join("login"));
    fs::write(&ca_file, ca.pem()).expect("written");
    fs::write(&login, LOGIN).expect("written");
    deploy.settings(&format!(
        "[upstream]\nca_file = \"{}\"\nproxy = \"http://{}\"\nproxy_login_file = \"{}\"",
        ca_file.display(),
        proxy.address(),
        login.display()
    ));
    fs::set_permissions(&login, fs::Permissions::from_mode(0o644)).expect("changed");
    let error = deploy.refused(&["serve"]);
    assert!(error.contains("chmod 600") && !error.contains("sesame"), "{error}");
    fs::set_permissions(&login, fs::Permissions::from_mode(0o600)).expect("changed");
    let shown = deploy.run(&["config", "show"]);
    assert!(shown.out.contains("proxy_login_file") && !shown.out.contains("sesame"), "{shown:?}");

    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let ask = || Ask::chat(&token, &json!({"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}));
    let reply = ask().send(serving.traffic).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let seen = host.seen().remove(0);
    assert!(seen.head.starts_with(b"POST /v1/chat/completions HTTP/2\r\n"), "{seen:?}");
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {PROVIDER_KEY}")));
    assert!(proxy.asked()[0].contains("proxy-authorization: Basic "), "{:?}", proxy.asked());

    // The host's connection ends, and the proxy takes the login no more: the operator is told what to mend.
    drop(host);
    proxy.next([ProxyFault::Status(407); 8]);
    let told = "does not take the login of `upstream.proxy_login_file` (status 407)";
    for _ in 0..8 {
        let reply = ask().send(serving.traffic).await;
        assert_ne!(reply.status, 200, "{reply:?}");
        if serving.lines(told) > 0 {
            break;
        }
    }
    serving.wait_line(told, 1);
    serving.stop();
    for said in ["stdout", "stderr"] {
        let said = fs::read_to_string(deploy.root().join("said").join(said)).expect("a file");
        assert!(!said.contains("sesame"), "{said}");
    }
}
