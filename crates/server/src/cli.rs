//! What can be typed: every command with its help and an example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use phi_words::{Class, Framework, Region};

use crate::catalogue::check::Check;
use crate::catalogue::import::Import;
use crate::catalogue::list::List;
use crate::litellm;
use crate::orders::catalogue::accept::Accept;
use crate::orders::catalogue::diff::Diff;
use crate::orders::catalogue::rates::Rates;
use crate::orders::catalogue::show::Show;
use crate::orders::{agents, agreements, doctor, entries, explain, orgs, roles, secrets, tokens};

/// What the words of the commands mean.
const WORDS: &str = "\
words:
  provider   a company, or your own machines; it has hosts
  host       an endpoint of a provider at one place
  route      a model at a host, with a price
  modality   a kind of work: chat, embeddings, ocr, transcription, speech, image, video, math
  region     a set of countries; a request is processed inside it or refused
  class      `phi`: carries protected health information (PHI); `general`: carries none
  floor      the class that no request may go below, whatever its headers say
  framework  a body of law: HIPAA, GDPR, nFADP, PHIPA; an agreement has to cover each that an organization works under
  agreement  a contract with a provider that an operator has looked at; without one PHI goes nowhere

to begin: phi init, phi org create, phi agent create, phi token create, phi vault put, phi serve; then phi doctor routes";

/// The AI gateway for protected health data.
#[derive(Debug, Parser)]
#[command(name = "phi", version, about, max_term_width = 110, after_help = WORDS)]
pub struct Cli {
    /// The folder of this deployment: settings, store, ledger, master key.
    #[arg(long, global = true, default_value = "phi-data", value_name = "FOLDER", help_heading = "For every command")]
    pub data: PathBuf,
    /// The settings file, where it is not `phi.toml` in that folder.
    #[arg(long, global = true, value_name = "FILE", help_heading = "For every command")]
    pub config: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long, global = true, help_heading = "For every command")]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new deployment in the data folder.
    #[command(after_help = "example: phi init --region CH --class phi --framework nFADP")]
    Init(Init),
    /// Serve the API and the operators' probes until told to stop.
    #[command(after_help = "example: phi --data /var/lib/phi serve")]
    Serve(Serve),
    /// Organizations: the unit of tenancy and of default rules.
    #[command(subcommand, after_help = "example: phi org create st-mary --region CH --class phi --framework nFADP")]
    Org(orgs::Orders),
    /// Roles: what their agents may do.
    #[command(subcommand, after_help = "example: phi role create radiology --org st-mary --requests 600")]
    Role(roles::Orders),
    /// Agents: identities that hold tokens.
    #[command(subcommand, after_help = "example: phi agent create report-writer --org st-mary --role radiology")]
    Agent(agents::Orders),
    /// Tokens: what an application shows instead of a provider's key.
    #[command(subcommand, after_help = "example: phi token create --org st-mary --agent report-writer --expires 90d")]
    Token(tokens::Orders),
    /// Agreements: what an operator attests, so that PHI may reach a provider.
    #[command(subcommand, after_help = "example: phi agreement list --json")]
    Agreement(agreements::Orders),
    /// Provider keys, kept encrypted.
    #[command(subcommand, after_help = "example: phi vault put infomaniak --set product_id=12345 < key.txt")]
    Vault(secrets::Orders),
    /// The record of every call and act.
    #[command(subcommand, after_help = "example: phi ledger verify")]
    Ledger(Ledger),
    /// Hosts, models and prices.
    #[command(subcommand, after_help = "example: phi catalog list --json")]
    Catalog(Catalog),
    /// Show what would become of a request: who would answer, and why nobody else.
    #[command(after_help = "example: phi explain --org st-mary --region EU --class phi --as-of 2027-06-01")]
    Explain(Box<explain::Explain>),
    /// Look what this deployment can do now, and what it lacks.
    #[command(subcommand, after_help = "example: phi doctor routes")]
    Doctor(doctor::Orders),
    /// Settings.
    #[command(subcommand, after_help = "example: phi config check")]
    Config(Config),
}

/// How the server starts.
#[derive(Debug, Args)]
pub struct Serve {
    /// Take the place of the server that runs on the data folder, without a request lost; where none runs, just start.
    #[arg(long)]
    pub takeover: bool,
}

/// What a new deployment starts from. Organizations take the frameworks over unless they name their own.
#[derive(Debug, Args)]
pub struct Init {
    /// The default region. Asked for at a terminal; needed elsewhere.
    #[arg(long)]
    pub region: Option<Region>,
    /// The default class: `general` or `phi`. Asked for at a terminal; needed elsewhere.
    #[arg(long)]
    pub class: Option<Class>,
    /// A body of law that organizations work under: `HIPAA`, `GDPR`, `nFADP` or `PHIPA`. May be given again.
    #[arg(long = "framework", value_name = "FRAMEWORK")]
    pub frameworks: Vec<Framework>,
}

/// What can be done with the ledger.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Show the newest records.
    #[command(after_help = "example: phi ledger tail --count 20")]
    Tail(entries::Tail),
    /// Show every record of one call.
    #[command(after_help = "example: phi ledger show 019abcde-0000-7000-8000-000000000000 --json")]
    Show(entries::Show),
    /// Prove that nothing in the ledger was changed, removed or put in. Needs no server, and disturbs none.
    #[command(after_help = "example: phi ledger verify --json")]
    Verify,
}

/// What can be done with the catalogue.
#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// Check the catalogue and the files of `catalog.d`, and say everything that is wrong with them.
    #[command(after_help = "example: phi catalog check --fresh")]
    Check(Check),
    /// List routes: every one, or those that are asked for.
    #[command(after_help = "example: phi catalog list --region CH --modality chat --status live")]
    List(List),
    /// Show everything that is known of a name: a route, model, host, provider, alias or region.
    #[command(after_help = "example: phi catalog show infomaniak/gemma-4-31b")]
    Show(Show),
    /// Put a route back into service that answered from elsewhere than planned, or that was ejected.
    #[command(after_help = "example: phi catalog accept infomaniak-gemma-4-31b")]
    Accept(Accept),
    /// List the rates of exchange, or set one.
    #[command(after_help = "example: phi catalog rates --json")]
    Rates(Rates),
    /// Compare the catalogue in force with another: what differs, what would let a request go further, and what other
    /// prices would have done to the calls of the last days.
    #[command(after_help = "example: phi catalog diff --file new-prices.toml --days 90")]
    Diff(Diff),
    /// Compare a public table of models and prices with the catalogue. What is new in it can be written as staged rows to
    /// be looked at; nothing is put into service.
    #[command(
        after_help = "example: phi catalog import model_prices_and_context_window.json --provider scaleway --out new.toml"
    )]
    Import(Import),
}

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check the settings file, but not the files that it names.
    #[command(after_help = "example: phi --config phi.toml config check")]
    Check,
    /// Print the settings as TOML, as a server would take them now, defaults included. They hold no secrets.
    #[command(after_help = "example: phi config show")]
    Show,
    /// Print the JSON schema of the settings.
    #[command(after_help = "example: phi config schema > schema/config.json")]
    Schema,
    /// Take over what can be taken of another gateway's settings: names, models, keys. Shows it, unless told to do it.
    #[command(subcommand, after_help = "example: phi config import litellm config.yaml")]
    Import(Foreign),
    /// Tell the running server to read settings and catalogue anew.
    #[command(after_help = "example: phi config reload")]
    Reload,
}

/// Whose settings are taken over.
#[derive(Debug, Subcommand)]
pub enum Foreign {
    /// Those of a LiteLLM proxy.
    #[command(after_help = "example: phi config import litellm config.yaml --apply")]
    Litellm(litellm::Import),
}
