//! What the end of the ledger must know of what stands before. It is written down, as an act of the server, behind each
//! landmark: near the beginning of each segment, and every 4 MiB. So who starts reads little.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use phi_words::{RequestId, RouteId};

use crate::entry::{ActBy, ActRecord, Incident, Record};
use crate::{ACCEPT, Act, By};

/// The act that says what is carried over.
const CARRY: &str = "ledger.carry";
/// How many calls and routes one record names at most: with these it stays within the length of a record.
const CALLS: usize = 1_000;
const ROUTES: usize = 100;

/// What stands open at some place of the ledger, as the records before it tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// The calls that were opened and not closed.
    pub(crate) calls: BTreeSet<RequestId>,
    /// The routes that answered from elsewhere than planned, and that no operator has accepted since.
    pub(crate) astray: BTreeSet<RouteId>,
}

impl Carried {
    /// What a record changes.
    pub(crate) fn follow(&mut self, record: &Record) {
        match record {
            Record::Opened(opened) => {
                self.calls.insert(opened.id);
            }
            Record::Closed(closed) => {
                self.calls.remove(&closed.id);
                self.astray.extend(closed.incidents.iter().filter_map(|incident| match incident {
                    Incident::Region { route } => Some(route.clone()),
                    Incident::Model { .. } | Incident::Usage { .. } => None,
                }));
            }
            Record::Act(act) if act.act == ACCEPT => {
                self.astray.retain(|route| act.about.get("route").is_none_or(|accepted| accepted != route.as_str()));
            }
            Record::Act(_) | Record::Refused(_) => {}
        }
    }

    /// Whether a record is one of those that say what is carried over.
    pub(crate) fn is_said_by(record: &Record) -> bool {
        said(record).is_some()
    }

    /// The records that say so; they must stand one behind the other.
    pub(crate) fn acts(&self) -> Vec<Act> {
        let (calls, astray): (Vec<_>, Vec<_>) = (self.calls.iter().collect(), self.astray.iter().collect());
        let parts = calls.len().div_ceil(CALLS).max(astray.len().div_ceil(ROUTES)).max(1);
        (0..parts)
            .map(|part| {
                Act::new(By::Server, CARRY)
                    .about("part", part + 1)
                    .about("parts", parts)
                    .about("calls", words(calls.chunks(CALLS).nth(part)))
                    .about("astray", words(astray.chunks(ROUTES).nth(part)))
            })
            .collect()
    }
}

/// Puts together what the parts say.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    so_far: Carried,
    taken: usize,
}

impl Parts {
    /// Takes the next record; gives what is carried once its last part is there.
    pub(crate) fn take(&mut self, record: &Record) -> Option<Carried> {
        let Some((part, parts, carried)) = said(record) else {
            *self = Self::default();
            return None;
        };
        if part == 1 {
            *self = Self::default();
        }
        if part != self.taken + 1 {
            return None;
        }
        self.taken = part;
        self.so_far.calls.extend(carried.calls);
        self.so_far.astray.extend(carried.astray);
        (part == parts).then(|| std::mem::take(self).so_far)
    }
}

/// What one part says, where the record is one.
fn said(record: &Record) -> Option<(usize, usize, Carried)> {
    let act: &ActRecord = match record {
        Record::Act(act) if act.act == CARRY && act.by == ActBy::Server => act,
        Record::Act(_) | Record::Opened(_) | Record::Closed(_) | Record::Refused(_) => return None,
    };
    let number = |what| act.about.get(what)?.parse().ok();
    let carried = Carried { calls: listed(act.about.get("calls")?)?, astray: listed(act.about.get("astray")?)? };
    Some((number("part")?, number("parts")?, carried))
}

fn words<T: Display>(things: Option<&[T]>) -> String {
    things.unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn listed<T: FromStr + Ord>(words: &str) -> Option<BTreeSet<T>> {
    words.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(carried: &Carried) -> Vec<Record> {
        carried.acts().into_iter().map(|act| Record::Act(Box::new(act.into_record()))).collect()
    }

    #[test]
    fn whatever_is_carried_is_read_back_and_fits_its_records() {
        for (calls, routes) in [(0, 0), (1, 0), (0, 1), (999, 5), (1_000, 100), (2_345, 250)] {
            let route = |n: usize| format!("a-host-with-a-long-name-{}-{n}", "x".repeat(60)).parse().expect("a route");
            let carried = Carried {
                calls: (0..calls).map(|_| RequestId::new()).collect(),
                astray: (0..routes).map(route).collect(),
            };
            let (records, mut parts) = (records(&carried), Parts::default());
            for record in &records {
                assert!(serde_json::to_vec(record).expect("JSON").len() < phi_ledger::MAX_RECORD);
            }
            let (last, before) = records.split_last().expect("one at least");
            assert!(before.iter().all(|record| parts.take(record).is_none()));
            assert_eq!(parts.take(last), Some(carried));
        }
    }

    #[test]
    fn half_of_it_counts_as_nothing() {
        let carried = Carried { calls: (0..2_500).map(|_| RequestId::new()).collect(), ..Carried::default() };
        let all = records(&carried);
        for missing in 0..3 {
            let mut parts = Parts::default();
            let left = all.iter().enumerate().filter(|(n, _)| *n != missing);
            assert!(left.map(|(_, record)| parts.take(record)).all(|taken| taken.is_none()), "without {missing}");
            let taken: Vec<_> = all.iter().map(|record| parts.take(record)).collect();
            assert_eq!(taken, [None, None, Some(carried.clone())], "what was cut short is said again");
        }
    }

    #[test]
    fn nobody_else_can_say_it() {
        let act = Carried::default().acts().remove(0).into_record();
        let forged = ActRecord { by: ActBy::Operator { uid: 0 }, ..act };
        assert_eq!(Parts::default().take(&Record::Act(Box::new(forged))), None);
    }
}
