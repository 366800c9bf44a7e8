//! The law of floors: a caller may raise the class, never lower it, and stays in the regions that token and
//! organization allow.

use std::collections::BTreeSet;

use phi_identify::Caller;
use phi_words::{Class, Code, Refusal, Region};

use crate::{Terms, Wishes};

pub(crate) fn terms(caller: Caller, wishes: Wishes) -> Result<Terms, Refusal> {
    let class = class(&caller, wishes.class)?;
    let region = region(&caller, wishes.region)?;
    Ok(Terms { caller, region, class, tier: wishes.tier, marks: wishes.marks })
}

fn class(caller: &Caller, wish: Option<Class>) -> Result<Class, Refusal> {
    let (org, token) = (caller.org(), caller.token());
    let floor = org.floor.max(token.floor);
    match wish {
        Some(class) if class < floor => Err(Refusal::new(
            Code::ClassFloor,
            "requests of this token may not go below the class `phi`",
            "leave `X-PHI` out or send `X-PHI: true`; an operator sets the floors of token and organization",
        )
        .at("X-PHI")),
        Some(class) => Ok(class),
        None => Ok(token.class.unwrap_or(org.class).max(floor)),
    }
}

fn region(caller: &Caller, wish: Option<Region>) -> Result<Region, Refusal> {
    let (org, token) = (caller.org(), caller.token());
    let region = wish.or_else(|| token.region.clone()).unwrap_or_else(|| org.region.clone());
    let within = |set: &Option<BTreeSet<Region>>| set.as_ref().is_none_or(|set| set.contains(&region));
    if within(&org.regions) && within(&token.regions) {
        return Ok(region);
    }
    Err(Refusal::new(
        Code::RegionFloor,
        format!("this token may not use the region `{region}`"),
        "name a region that the token allows in `X-Region`; `GET /v1/ping` lists them",
    )
    .at("X-Region"))
}
