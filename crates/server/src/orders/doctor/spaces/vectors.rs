use phi_words::Completion;
use serde_json::Value;

use super::super::found::Found;

/// The least cosine at which two hosts count as of one space: the same model at another precision stays above it.
const ALIKE: f64 = 0.99;
/// How much of its length a vector may differ.
const SLACK: f64 = 0.01;

/// The vectors of a reply, one a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vectors(Vec<Vec<f64>>);

impl Vectors {
    /// Reads the reply of embeddings; `None` where it has no vector of numbers.
    pub(super) fn read(answer: &Completion) -> Option<Self> {
        let reply: Value = serde_json::from_slice(answer.expose_bytes()).ok()?;
        let vector = |one: &Value| one.get("embedding")?.as_array()?.iter().map(Value::as_f64).collect();
        let vectors: Vec<Vec<f64>> = reply.get("data")?.as_array()?.iter().map(vector).collect::<Option<_>>()?;
        (!vectors.is_empty()).then_some(Self(vectors))
    }

    /// How long its vectors are, in numbers.
    pub(super) fn dimension(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// How long its first vector is, in space.
    pub(super) fn norm(&self) -> f64 {
        self.0.first().map_or(0.0, |vector| norm(vector))
    }

    /// The least cosine between a vector and its counterpart; `None` where they cannot be compared.
    pub(super) fn cosine(&self, other: &Self) -> Option<f64> {
        if self.dimension() != other.dimension() || self.0.len() != other.0.len() {
            return None;
        }
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| dot(a, b) / (norm(a) * norm(b))).min_by(f64::total_cmp).filter(|cosine| cosine.is_finite())
    }

    /// What differs in the vectors of another host from these.
    pub(super) fn differs(&self, other: &Self) -> Option<Found> {
        let (mine, theirs) = (self.dimension(), other.dimension());
        if mine != theirs {
            let says = format!("gives vectors of {theirs} numbers, and the first of {mine}");
            return Some(Found::new("other_dimension", says));
        }
        match self.cosine(other) {
            Some(cosine) if cosine >= ALIKE => {}
            Some(cosine) => {
                let says = format!("gives other vectors: the least cosine is {cosine:.4}, and {ALIKE} is alike");
                return Some(Found::new("other_vectors", says));
            }
            None => return Some(Found::new("other_vectors", "gives vectors that cannot be compared with the first's")),
        }
        let (mine, theirs) = (self.norm(), other.norm());
        let says =
            || format!("gives vectors of the length {theirs:.4}, and the first of {mine:.4}: dot products differ");
        ((mine - theirs).abs() > SLACK * mine.max(theirs)).then(|| Found::new("other_norm", says()))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vectors> {
        Vectors::read(&Completion::new(text.to_owned()))
    }

    fn vectors(numbers: &[&[f64]]) -> Vectors {
        Vectors(numbers.iter().map(|vector| vector.to_vec()).collect())
    }

    #[test]
    fn a_reply_is_read_or_it_is_none() {
        let two = r#"{"data":[{"embedding":[3,4.0]},{"embedding":[1e0,0]}]}"#;
        assert_eq!(read(two), Some(vectors(&[&[3.0, 4.0], &[1.0, 0.0]])));
        for bad in
            ["", "{}", r#"{"data":[]}"#, r#"{"data":[{"embedding":["1"]}]}"#, r#"{"data":[{"embedding":"AAAA"}]}"#]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_differs_is_told_apart() {
        let first = vectors(&[&[3.0, 4.0], &[1.0, 0.0]]);
        let what = |other: &[&[f64]]| first.differs(&vectors(other)).map(|found| found.what);
        assert_eq!(what(&[&[3.0, 4.01], &[1.0, 0.001]]), None);
        assert_eq!(what(&[&[3.0, 4.0, 0.0], &[1.0, 0.0, 0.0]]), Some("other_dimension"));
        assert_eq!(what(&[&[3.0, 4.0], &[0.0, 1.0]]), Some("other_vectors"), "one of them is enough");
        assert_eq!(what(&[&[6.0, 8.0], &[2.0, 0.0]]), Some("other_norm"));
        assert_eq!(what(&[&[0.0, 0.0], &[1.0, 0.0]]), Some("other_vectors"), "nothing points nowhere");
        assert_eq!(what(&[&[3.0, 4.0]]), Some("other_vectors"), "one is missing");
    }
}
