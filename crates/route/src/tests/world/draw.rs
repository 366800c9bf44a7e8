//! How worlds are drawn, and requests that often mean something in them.

use phi_words::{CredentialId, OrgId};

use super::{
    Asked, BASELINE, Dice, EMBEDDINGS, ORGS, PROVIDERS, REGIONS, SPACES, UNVERIFIED, WAgreement, WAlias, WAuth, WKey,
    WORKS, WORLD, WOffer, WPrice, WRetires, WRow, World,
};

impl World {
    pub(in crate::tests) fn draw(dice: &mut Dice) -> Self {
        let many = if dice.percent(10) { 28 } else { 6 + dice.below(8) };
        let rehearsed = dice.percent(60);
        let works = if many == 28 && dice.percent(50) {
            [0; 4]
        } else if rehearsed {
            let other = 2 + dice.below(6);
            [0, other, other, 2 + dice.below(6)]
        } else {
            [0, EMBEDDINGS, EMBEDDINGS, EMBEDDINGS]
        };
        // A model is in one space, and few models share one.
        let spaces: Vec<usize> = (0..PROVIDERS * 2 * WORKS.len()).map(|_| *dice.of(&[0, 0, 1, 1, 2])).collect();
        let mut world = Self {
            rehearsed,
            inside: inside(dice),
            rows: (0..many).map(|_| WRow::draw(dice, &works, &spaces, many)).collect(),
            aliases: Vec::new(),
            offers: (0..PROVIDERS + dice.below(3)).map(|at| WOffer::draw(dice, at % PROVIDERS)).collect(),
            agreements: (0..12 + dice.below(8)).map(|_| WAgreement::draw(dice)).collect(),
            keys: WKey::draw_all(dice),
            residents: std::array::from_fn(|_| residents(dice)),
            rates: [1_000_000, 500_000 + dice.below(1_500_000) as u64, 500_000 + dice.below(1_500_000) as u64],
            embeddings: String::new(),
            orgs: std::array::from_fn(|_| OrgId::new()),
        };
        let last = (*dice.of(&["a2", "r01", "o00", "m00"])).to_owned();
        world.aliases = ["a0".to_owned(), "a1".to_owned(), last].map(|name| WAlias::draw(dice, &world, name)).into();
        world.embeddings = world.some_embeddings(dice);
        world
    }

    fn some_embeddings(&self, dice: &mut Dice) -> String {
        let at: Vec<usize> = (0..self.rows.len()).filter(|at| self.rows[*at].work == EMBEDDINGS).collect();
        let at = if at.is_empty() { 0 } else { *dice.of(&at) };
        match dice.below(10) {
            0..=1 => "nobody-has-this".into(),
            2 => format!("r{at:02}"),
            3..=5 => self.rows[at].name(),
            6..=7 => self.rows[at].own.clone(),
            _ => dice.of(&self.aliases).name.clone(),
        }
    }
}

/// CH, EU as it is or widened, US, UK, and three that an operator has drawn over them.
fn inside(dice: &mut Dice) -> [u8; 8] {
    let eu = if dice.percent(20) { 0b111 } else { 0b110 };
    [0b1, eu, 0b1000, 0b10000, 0b11, 0b100, dice.some_bits(5, 50), 0b11111]
}

fn residents(dice: &mut Dice) -> Vec<usize> {
    let first = dice.below(PROVIDERS);
    let mut all = vec![first, (first + 1 + dice.below(PROVIDERS - 1)) % PROVIDERS];
    all.truncate(dice.below(3));
    all
}

impl WRow {
    fn draw(dice: &mut Dice, works: &[usize], spaces: &[usize], many: usize) -> Self {
        let places = match dice.below(10) {
            0 => None,
            1..=2 => Some(dice.some_bits(5, 40)),
            3 => Some(*dice.of(&[0b11, 0b110, 0b111])),
            _ => Some(1 << dice.below(5)),
        };
        let (provider, work) = (dice.below(PROVIDERS), *dice.of(works));
        let model = work * 2 + dice.below(2);
        let (premises, free) = (dice.percent(40), dice.percent(35));
        let auth = match (premises, dice.below(10)) {
            (true, 0..=4) => WAuth::Nothing,
            (false, 0) => WAuth::Account,
            (_, _) => WAuth::Plain,
        };
        Self {
            provider,
            model: format!("m{model:02}"),
            own: own(dice, work, many),
            work,
            space: spaces[provider * 2 * WORKS.len() + model],
            places,
            evidence: *dice.of(&[0, 0, 1, 1, 1, 1, UNVERIFIED]),
            premises,
            free,
            auth,
            gap: dice.percent(8),
            live: dice.percent(96),
            pin_only: dice.percent(8),
            retires: dice
                .percent(25)
                .then(|| WRetires { days: *dice.of(&[-300, 0, 1, 300]), by_vendor: dice.percent(35) }),
            capabilities: dice.bits(2, 75),
            tier: dice.percent(80).then(|| dice.below(3)),
            price: (!free && dice.percent(95)).then(|| WPrice::draw(dice, work)),
        }
    }
}

/// An own id: mostly one that several rows and providers may have, often one that looks like a name of another kind.
fn own(dice: &mut Dice, work: usize, many: usize) -> String {
    let (provider, which) = (dice.below(PROVIDERS), dice.below(2));
    match dice.below(20) {
        0..=8 => format!("o{work}{which}"),
        9..=10 => format!("own-{}", dice.below(1_000)),
        11..=12 => format!("x/o{which}"),
        13..=14 => format!("p{provider}/o{work}{which}"),
        15 => format!("p{provider}/m{:02}", work * 2 + which),
        16..=17 => format!("m{:02}", work * 2 + which),
        18 => format!("r{:02}", dice.below(many)),
        _ => (*dice.of(&["auto", "a0", "a1", "a2"])).to_owned(),
    }
}

impl WPrice {
    fn draw(dice: &mut Dice, work: usize) -> Self {
        // Now and then so low that only rounding up makes it anything.
        let most = if dice.percent(15) { 5 } else { 3_000_000 };
        let mut amount = || Some(1 + dice.below(most) as u64);
        let (input, unit) = (amount(), amount());
        let output = amount().map(|amount| amount * 8);
        let (input, output, unit) = match (WORKS[work], dice.below(3)) {
            ("chat" | "math", _) => (input, output, None),
            ("embeddings", 0..=1) => (input, output, None),
            ("embeddings", _) => (input, None, None),
            ("transcription", 0) => (input, output, None),
            ("transcription", 1) => (input, None, unit),
            ("speech" | "image", 0) => (input, output, None),
            ("speech" | "image", 1) => (None, output, unit),
            (_, _) => (None, None, unit),
        };
        // Of what was drawn already, so that the worlds are those that they were without it.
        let above = input.filter(|input| input.is_multiple_of(4)).map(|input| (1 + input % 2_000, 2 + input % 3));
        Self { currency: dice.below(3), input, output, unit, above }
    }
}

impl WAlias {
    fn draw(dice: &mut Dice, world: &World, name: String) -> Self {
        let work = dice.of(&world.rows).work;
        let models = std::array::from_fn(|region| {
            if !dice.percent(if region == WORLD { 30 } else { 60 }) {
                return None;
            }
            let fits = |row: &&WRow| row.work == work && row.places.is_some_and(|p| p & !world.inside[region] == 0);
            let near: Vec<&WRow> = world.rows.iter().filter(fits).collect();
            let mut models = Vec::new();
            for _ in 0..=dice.below(3) {
                let row = if near.is_empty() || dice.percent(10) { dice.of(&world.rows) } else { dice.of(&near) };
                if !models.contains(&row.name()) {
                    models.push(row.name());
                }
            }
            Some(models)
        });
        Self { name, models }
    }
}

impl WOffer {
    fn draw(dice: &mut Dice, provider: usize) -> Self {
        let (countries, frameworks) = (dice.some_bits(5, 85), dice.some_bits(3, 85));
        Self { provider, countries, frameworks, works: if dice.percent(90) { 0xff } else { dice.some_bits(8, 50) } }
    }
}

impl WAgreement {
    fn draw(dice: &mut Dice) -> Self {
        let provider = dice.percent(75).then(|| dice.below(PROVIDERS));
        let with_customer = provider.is_none();
        Self {
            provider,
            org: (with_customer || dice.percent(30)).then(|| dice.below(ORGS)).filter(|_| dice.percent(95)),
            key: dice.percent(20).then(|| dice.below(6)),
            countries: dice.some_bits(5, 80),
            frameworks: dice.some_bits(3, 80),
            works: if dice.percent(93) { 0xff } else { dice.some_bits(8, 50) },
            from: if dice.percent(93) { -30 } else { 1 },
            until: if dice.percent(93) { 30 } else { -1 },
            revoked: dice.percent(7),
        }
    }
}

impl WKey {
    fn draw_all(dice: &mut Dice) -> Vec<Self> {
        let many = 9 + dice.below(5);
        let (step, first) = (*dice.of(&[1, 5, 7, 11]), dice.below(13));
        // Thirteen is prime: no two have one age.
        (0..many).map(|at| Self::draw(dice, i32::try_from((first + at * step) % 13).unwrap())).collect()
    }

    fn draw(dice: &mut Dice, age: i32) -> Self {
        Self {
            provider: dice.below(PROVIDERS),
            org: dice.percent(35).then(|| dice.below(ORGS)),
            account: dice.percent(15),
            hosts: dice.percent(20).then(|| 1 + u32::try_from(dice.below((1 << 28) - 1)).unwrap()),
            fills: dice.percent(75),
            age,
            revoked: dice.percent(8),
            id: CredentialId::new(),
        }
    }
}

/// From here on, works never carry PHI.
const GENERAL_WORK: usize = 5;

impl Asked {
    pub(in crate::tests) fn draw(dice: &mut Dice, world: &World) -> Self {
        let (name, row) = name(dice, world);
        let work = if dice.percent(96) { row.work } else { dice.below(WORKS.len()) };
        Self {
            region: region(dice, world, row, &name),
            name,
            work,
            phi: dice.percent(if work < GENERAL_WORK { 66 } else { 25 }),
            tier: dice.percent(40).then(|| *dice.of(&[0, BASELINE, BASELINE, 2])),
            org: dice.below(ORGS),
            frameworks: if dice.percent(90) { 1 << dice.below(3) } else { dice.bits(3, 40) },
            test: dice.percent(5),
            hosted: dice.percent(15),
            durable: dice.percent(97),
            evidence: *dice.of(&[0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]),
            needs: if work == 0 && dice.percent(40) { dice.bits(2, 60) } else { 0 },
            dimension: (work == EMBEDDINGS && dice.percent(30)).then(|| dice.of(&SPACES).1),
            input: dice.below(20_000) as u64,
            output: dice.percent(70).then(|| dice.below(5_000) as u64),
            denied: if dice.percent(25) { u32::try_from(dice.below(1 << 28)).unwrap() } else { 0 },
        }
    }
}

/// A name and a row that it may mean.
fn name<'a>(dice: &mut Dice, world: &'a World) -> (String, &'a WRow) {
    let at = dice.below(world.rows.len());
    let row = &world.rows[at];
    let name = match dice.below(50) {
        0..=18 => "auto".into(),
        19..=22 => format!("r{at:02}"),
        23..=28 => row.name(),
        29..=37 => {
            let alias = dice.of(&world.aliases);
            let model = alias.models.iter().flatten().flatten().next();
            let row = world.rows.iter().find(|row| Some(row.name()) == model.cloned()).unwrap_or(row);
            return (alias.name.clone(), row);
        }
        38..=42 => row.own.clone(),
        43..=46 => format!("p{}/{}", row.provider, row.own),
        47 => format!("p{}/{}", dice.below(PROVIDERS), row.own),
        _ => {
            let nobody = ["nonsense", "p0/nonsense", "q/o00", "p1", "P0/m00", "p0/", "/m00", "r99", "AUTO", "p0/auto"];
            (*dice.of(&nobody)).to_owned()
        }
    };
    (name, row)
}

/// Any region, or more often one in which the row could serve, or of which the alias says something.
fn region(dice: &mut Dice, world: &World, row: &WRow, name: &str) -> usize {
    if dice.percent(12) {
        return dice.below(REGIONS.len());
    }
    let alias = world.aliases.iter().find(|alias| alias.name == name);
    let could = |region: &usize| match (alias, row.places) {
        (Some(alias), _) => alias.models[*region].is_some() || *region == WORLD,
        (None, Some(places)) => places & !world.inside[*region] == 0,
        (None, None) => *region == WORLD,
    };
    // What is tied to its place is done in the first three.
    let tied = (2..GENERAL_WORK).contains(&row.work) && dice.percent(70);
    let fitting: Vec<usize> = (0..REGIONS.len()).filter(could).collect();
    let best: Vec<usize> = fitting.iter().copied().filter(|region| *region < if tied { 3 } else { WORLD }).collect();
    let all = best.is_empty() || (!tied && dice.percent(12));
    *dice.of(if all { &fitting } else { &best })
}
