/// A text in parts of which none is spoken longer than `most` milliseconds at the usual speed, by a reckoning that is on the
/// safe side: cut behind a sentence, else between words, else anywhere.
pub(super) fn parts(text: &str, most: u64) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(end(rest, most));
        // A part in which there is nothing to say might have no sound either.
        let is_last = !after.chars().any(is_said);
        let part = if is_last { rest } else { part };
        if part.chars().any(is_said) || (is_last && parts.is_empty()) {
            parts.push(part.trim());
        }
        rest = if is_last { "" } else { after };
    }
    parts
}

/// Where the first part ends.
fn end(text: &str, most: u64) -> usize {
    let (mut spent, mut sentence, mut word) = (0, None, None);
    let mut last = ' ';
    for (at, letter) in text.char_indices() {
        spent += pace(letter);
        if spent > most && at > 0 {
            return sentence.or(word).unwrap_or(at);
        }
        let after = at + letter.len_utf8();
        if letter.is_whitespace() {
            word = Some(after);
            if STOPS.contains(&last) || letter == '\n' {
                sentence = Some(after);
            }
        } else if WIDE_STOPS.contains(&letter) {
            sentence = Some(after);
        }
        if !CLOSERS.contains(&letter) {
            last = letter;
        }
    }
    text.len()
}

/// What ends a sentence where a space follows.
const STOPS: [char; 9] = ['.', '!', '?', '…', ';', '؟', '۔', '।', ':'];
/// What ends one by itself.
const WIDE_STOPS: [char; 4] = ['。', '！', '？', '；'];
/// What may stand between the end of a sentence and the space.
const CLOSERS: [char; 9] = ['"', '\'', ')', ']', '»', '”', '’', '›', '“'];

/// Milliseconds that it takes at most to say a letter. Usual prose needs half of it, numbers and scripts without an alphabet
/// a good part.
fn pace(letter: char) -> u64 {
    match letter {
        _ if letter.is_whitespace() => 140,
        // Syllables and whole words.
        '\u{2e80}'.. if letter.is_alphabetic() => 700,
        _ if letter.is_alphabetic() && !letter.is_uppercase() => 140,
        // Pictures have names.
        _ if is_said(letter) && !letter.is_alphanumeric() => 2_500,
        // Letters of abbreviations, digits, and signs that are read out or pause.
        _ => 700,
    }
}

/// Whether a letter is more than a pause.
fn is_said(letter: char) -> bool {
    let is_mark = matches!(letter, ..'\u{2070}' | '\u{3000}'..='\u{303f}' | '\u{fe00}'..='\u{ff0f}');
    letter.is_alphanumeric() || !is_mark
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_texts_stay_whole_and_long_ones_are_cut_behind_sentences() {
        let text = "It is ten. She said \"go.\" 3.5 apples! 好。真的？ end";
        assert_eq!(parts(text, 540_000), [text]);
        assert_eq!(parts("One two. Three four. Five", 3_300), ["One two.", "Three four.", "Five"]);
        assert_eq!(parts("Say \"go.\" Then come", 5_000), ["Say \"go.\"", "Then come"]);
        assert_eq!(parts("one two three four", 1_200), ["one two", "three", "four"]);
        assert_eq!(parts("abcdef", 300), ["ab", "cd", "ef"]);
        assert_eq!(parts("好好。好好", 2_200), ["好好。", "好好"]);
        assert_eq!(parts("one two. …", 2_300), ["one two. …"]);
        assert_eq!(parts("…", 1), ["…"]);
        let prose = "The patient slept well and had no pain this morning, so we go on as before. ".repeat(40);
        assert_eq!(parts(&prose, 540_000).len(), 1, "{}", prose.len());
        assert!(parts(&"病人睡得很好今天早上没有疼痛。".repeat(273), 540_000).len() > 1);
        assert!(parts(&"123 ".repeat(1_024), 540_000).len() > 1);
        assert!(parts(&"🙂".repeat(4_096), 540_000).len() > 1);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_or_said_twice(text in "[a-zA-Z0-9 .!?\n。好🙂]{1,300}", most in 1..5_000_u64) {
            let words = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
            let parts = parts(&text, most);
            prop_assert_eq!(words(&parts.concat()), words(&text));
            prop_assert!(!parts.is_empty());
            prop_assert!(parts.iter().all(|part| parts.len() == 1 || part.chars().any(is_said)));
        }
    }
}
