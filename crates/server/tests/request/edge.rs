//! What stands in front of everything else, as a list of attacks with their numbers. A test here is named for its number;
//! what another test holds already is named in the table.
//!
//! | check | what is tried | held by |
//! |---|---|---|
//! | 1 | `X-PHI` twice, alike or not | `headers::a_header_of_ours_stands_once_in_one_spelling` |
//! | 2 | every value that is nearly `true` | `meaning::check_02…`, `headers::a_value_is_one_of_its_grammar_or_refused` |
//! | 3 | no `X-PHI` | `headers::what_a_caller_may_not_lower_stays…`. There is no default of defaults: `phi init` must be told (ADR 8) |
//! | 4 | the mark in a trailer, a query, the body, `Connection`, with underscores | `meaning::check_04…`, `headers::a_header_of_ours…` |
//! | 5 | a lower class than the floor | `headers::what_a_caller_may_not_lower_stays…` |
//! | 6 | a region by another name, or left on a failure | `headers::a_value_is_one_of…`, `routing::a_request_never_leaves_its_region_whatever_fails`, `law` |
//! | 7 | a forwarded address | `meaning::check_07…`; no proxy is trusted |
//! | 8 | look-alikes of a model's name | `meaning::check_08…` |
//! | 9 | two models in one body | `meaning::check_09…` |
//! | 10 | fields that steer a host | `fields::nothing_that_steers_a_host_reaches_it`, `fields::an_open_body_carries…` |
//! | 11 | another content type | `meaning::check_11…`, `wire::json_is_json_in_utf_8_however_it_is_written` |
//! | 12 | other writings of a path, overrides of the method | `meaning::check_12…`. Path and method are step 2, before the credential (step 3) |
//! | 15 | a host that redirects | `failover::each_fault_before_the_first_word_is_followed_by_the_next_route` |
//! | 17 | `Host`, whole URLs, proxy variables | `meaning::check_17…`, `framing::check_19…`; nothing reads a proxy variable |
//! | 18 | a host that cannot prove who it is | `failover::a_host_that_cannot_prove_who_it_is_is_sent_nothing` |
//! | 19 | framing that is read in two ways | `framing::check_19…`, and the property tests of `crates/gateway/src/framing` |
//! | 20 | floods of HTTP/2 | `h2::floods::check_20…`, `http2::frames` in the gateway; nobody is upgraded to it: `framing::check_20…` |
//! | 21 | slow heads, bodies, readers; idle connections | `slow::check_21…`, `h2::life::check_21…`, `wire::a_body_that_stops_coming_is_given_up`, `patient` in the gateway |
//! | 22 | packed bodies | `slow::check_22…`; hosts are asked for plain answers (`upstream`, client tests) |
//! | 23 | long bodies, `Expect` | `slow::check_23…`, `crowd::check_23…`, `wire::a_body_in_pieces_is_read_to_its_bound`, `refusals::one_request_too_many…` |
//! | 24 | JSON that costs more than it says | `meaning::check_24…` |
//! | 26 | upgrades, tunnels, traces | `framing::check_26…` |
//! | 27 | many connections from one address | `slow::check_27…`, `places` in the gateway |
//! | 30 | streams that stall, break off or lie | `streaming::a_stream_that_is_cut…`, `streaming::a_host_that_falls_silent…`, `record::figures_that_cannot_be…` |
//! | 31 | a caller who leaves | `streaming::a_caller_who_leaves_is_followed_at_once` |
//! | 32 | a host's error that repeats the prompt | `failover::a_refusal_that_every_host_would_repeat_ends_the_walk_in_our_words` |
//! | 33 | a host's own headers | `headers::a_reply_tells_what_became_of_the_call` |
//! | 35 | refusals that differ by why | `refusals::bad_credentials_are_all_alike`; the time by the example `timing` of `crates/identify` |
//! | 36 | tokens in other places, two of them | `meaning::check_36…`, `refusals::bad_credentials_are_all_alike` |
//! | 37 | the ids of others | `record::an_entry_is_shown_to_the_agent_whose_call_it_was` |
//! | 38 | what is for operators, pages of others | `meaning::check_38…`, `operations::metrics_count_and_hold_no_text_of_a_caller` |
//! | 43 | limits that cannot be meant | `meaning::check_43…` |
//! | 44 | sums that overflow, figures that cannot be | `figures::check_44…`, `record::figures_that_cannot_be_are_not_believed`, `price` of the catalogue |
//! | 46 | attempts that are made again | `figures::check_46…`, `crowd::hosts_that_fail_are_asked_again…`; nothing is sent to two hosts at once |
//! | 47 | lines in names | `meaning::check_47…`, `process/canary` |
//! | 48 | a canary in every place | `process/canary` |
//! | 49 | panics | `streaming::a_rule_that_breaks_breaks_one_answer_and_is_an_alarm`, `hostile`; `serve::harden` silences messages |
//! | 50 | tracing headers | `headers::every_other_header_is_accepted_and_goes_no_further`: none is passed on or written down |
//! | 51 | a prompt in a path | `meaning::check_51…`, `process/canary` |
//! | 52 | core dumps | `serve::harden` sets the limit to none; swap is the machine's (SECURITY.md) |
//! | 53 | `Referer`, `User-Agent`, addresses | `fields::a_host_is_sent_the_rebuilt_body_and_our_headers_alone` |
//! | 54 | answers that are kept or packed on the way | `meaning::check_54…` |

mod figures;
mod framing;
mod meaning;
pub(crate) mod slow;
