//! The real `phi`, run as a process on a folder of its own, with simulated hosts in this process.

mod accounts;
mod book;
mod call;
mod canary;
mod catalogue;
mod commands;
mod deploy;
mod dialects;
mod doctor;
mod fetched;
mod gated;
mod health;
mod hearing;
mod import;
mod kept;
mod kill;
mod passed;
mod proxied;
mod reload;
mod search;
mod serving;
mod stop;
mod takeover;
mod tls;
mod voices;
mod weight;
