//! What stands in front of everything else, as a list of attacks with their numbers. A test here is named for its number;
//! what another test holds already is named in the table. The module `list` sees to it that each number has its
//! row, and that each test which is named is there.
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
//! | 13 | a remote address in a body, of this machine or any other | `reach::check_13…`, `fields::nothing_that_steers…`; where the operator lets images be fetched, `images::check_13…`, `remote::check_13…` of the dialect |
//! | 14 | a name that resolves to another address the second time | `reach::check_14…`; where images are fetched, a name is resolved once: `client::check_14…` of `upstream` |
//! | 15 | a host that redirects | `failover::each_fault_before_the_first_word_is_followed_by_the_next_route`, `images::check_15…` |
//! | 16 | an address in a prompt that a host would fetch | `reach::check_16…`, `images::check_16…`; fields that a host would fetch from are refused (`fields::nothing_that_steers…`) |
//! | 17 | `Host`, whole URLs, proxy variables | `meaning::check_17…`, `framing::check_19…`; nothing reads a proxy variable |
//! | 18 | a host that cannot prove who it is | `failover::a_host_that_cannot_prove_who_it_is_is_sent_nothing` |
//! | 19 | framing that is read in two ways | `framing::check_19…`, and the property tests of `crates/gateway/src/framing` |
//! | 20 | floods of HTTP/2 | `floods::check_20…`, frames in `crates/gateway/src/http2`; nobody is upgraded to it: `framing::check_20…` |
//! | 21 | slow heads, bodies, readers; idle connections | `slow::check_21…`, `life::check_21…`, `wire::a_body_that_stops_coming_is_given_up`, `patient` in the gateway |
//! | 22 | packed bodies | `slow::check_22…`; hosts are asked for plain answers (`upstream`, client tests) |
//! | 23 | long bodies, `Expect` | `slow::check_23…`, `crowd::check_23…`, `wire::a_body_in_pieces_is_read_to_its_bound`, `refusals::one_request_too_many…` |
//! | 24 | JSON that costs more than it says | `meaning::check_24…` |
//! | 25 | forms that are bombs: parts without end, heads, names of files | `forms::check_25…` |
//! | 26 | upgrades, tunnels, traces | `framing::check_26…` |
//! | 27 | many connections from one address | `slow::check_27…`, `life::check_27…`, `places` in the gateway |
//! | 28 | events, lines and bytes in an answer that look like frames | `stream::payloads_that_look_like_events…`, `sse::lines_and_events_have_an_end`, both of the dialect |
//! | 29 | a token of de-identification that is cut in two | does not apply: nothing is de-identified yet; frames cut anywhere are `sse::a_split_at_any_byte…` |
//! | 30 | streams that stall, break off or lie | `streaming::a_stream_that_is_cut…`, `streaming::a_host_that_falls_silent…`, `record::figures_that_cannot_be…` |
//! | 31 | a caller who leaves | `streaming::a_caller_who_leaves_is_followed_at_once` |
//! | 32 | a host's error that repeats the prompt | `failover::a_refusal_that_every_host_would_repeat_ends_the_walk_in_our_words` |
//! | 33 | a host's own headers | `headers::a_reply_tells_what_became_of_the_call` |
//! | 34 | an answer that draws an image from elsewhere | does not apply: an answer is given as the model wrote it; what a page shows of it is its application's |
//! | 35 | refusals that differ by why | `refusals::bad_credentials_are_all_alike`; the time by the example `timing` of `crates/identify` |
//! | 36 | tokens in other places, two of them | `meaning::check_36…`, `refusals::bad_credentials_are_all_alike` |
//! | 37 | the ids of others | `record::an_entry_is_shown_to_the_agent_whose_call_it_was` |
//! | 38 | what is for operators, pages of others | `meaning::check_38…`, `operations::metrics_count_and_hold_no_text_of_a_caller` |
//! | 39 | keys that are guessed | does not apply: a key has 256 random bits. Refusals by the thousand take little from others: `crowd` |
//! | 40 | tokens that others signed | does not apply: none are taken; whatever is no key of ours is `refusals::bad_credentials_are_all_alike` |
//! | 41 | one credit that is spent twice | does not apply: there are no credits yet. No cost is lost or charged twice over a kill: `kill::nothing_is_lost_by_kill_9` |
//! | 42 | a request that is sent again under its key | does not apply: `idempotency-key` is refused (`headers::a_value_is_one_of…`) |
//! | 43 | limits that cannot be meant | `meaning::check_43…` |
//! | 44 | sums that overflow, figures that cannot be | `figures::check_44…`, `record::figures_that_cannot_be_are_not_believed`, `price` of the catalogue |
//! | 45 | clocks that go back | `limits::a_clock_that_runs_backwards…`, `limits::a_clock_that_was_set_back…` |
//! | 46 | attempts that are made again | `figures::check_46…`, `crowd::hosts_that_fail_are_asked_again…`; nothing is sent to two hosts at once |
//! | 47 | lines in names | `meaning::check_47…`, `canary::nothing_that_was_said…` |
//! | 48 | a canary in every place | `walk::check_48…`, which walks the tables of endpoints, fields, headers and faults; `canary::nothing_that_was_said…`, over a kill |
//! | 49 | panics | `streaming::check_49…`, `process::check_49…`, `streaming::a_rule_that_breaks_breaks_one_answer_and_is_an_alarm`, `hostile` |
//! | 50 | tracing headers | `privacy::check_50…`, `walk::check_48…` |
//! | 51 | a prompt in a path | `meaning::check_51…`, `walk::check_48…` |
//! | 52 | core dumps, memory that others read | `process::check_52…`; swap is the machine's (SECURITY.md) |
//! | 53 | `Referer`, `User-Agent`, addresses | `privacy::check_53…`, `fields::a_host_is_sent_the_rebuilt_body_and_our_headers_alone` |
//! | 54 | answers that are kept or packed on the way | `meaning::check_54…` |

mod figures;
mod framing;
mod images;
mod list;
mod meaning;
mod privacy;
mod reach;
pub(crate) mod slow;
