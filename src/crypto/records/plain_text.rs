//! Text that shows itself as it is, for labels and names.

/// Whether a text is one line, keeps its writing direction, and holds nothing that takes no place. In `docs/protocol.md` it is
/// *plain text*.
pub fn is_plain_text(text: &str) -> bool {
    let mut before = '\0';
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        let plain = match letter {
            '\u{fe0f}' if rest.as_str().starts_with(KEYCAP) && is_on_key(before) => true,
            // Emoji are joined and coloured by these, and words of Persian and Hindi spelled. Elsewhere nobody would see them.
            '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
                before > '\u{7f}' && before != letter
            }
            _ => !(letter.is_control() || reorders(letter) || is_invisible(letter)),
        };
        if !plain {
            return false;
        }
        before = letter;
        if letter == FLAG
            && let Some((tags, behind)) = rest.as_str().split_once(END_OF_TAGS)
            && TAGS_BYTES.contains(&tags.len())
            && tags.chars().all(is_tag)
        {
            rest = behind.chars();
        }
    }
    true
}

/// The letter that makes a key of the digit before.
const KEYCAP: char = '\u{20e3}';

fn is_on_key(letter: char) -> bool {
    matches!(letter, '0'..='9' | '#' | '*')
}

/// The flag of a part of a country, such as England: this one, then the part's name in letters that nobody sees, and their end.
const FLAG: char = '\u{1f3f4}';
const END_OF_TAGS: char = '\u{e007f}';
/// Three to six letters: a longer text would be hidden in it.
const TAGS_BYTES: std::ops::RangeInclusive<usize> = 12..=24;

/// Whether a letter stands for a small one or for a digit.
fn is_tag(letter: char) -> bool {
    matches!(letter, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}')
}

/// Whether a letter ends the line, or changes the direction of those around it.
fn reorders(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Whether a letter is blank, or nothing at all, and no space.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_pictures_of_every_language_are_plain() {
        for text in [
            "",
            "Passport",
            "Reisepass Nr. 2",
            "Pas de l'été",
            "護照",
            "葛\u{e0100}飾区",
            "דרכון",
            "جواز السفر",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525} Health",
            "\u{1f469}\u{200d}\u{1f4bb} Work",
            "\u{1f3f4}\u{200d}\u{2620}\u{fe0f} \u{1f3f4}",
        ] {
            assert!(is_plain_text(text), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_not() {
        let letters = [
            '\u{0}',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fffb}',
            '\u{1d173}',
            '\u{e0041}',
            '\u{e0100}',
        ];
        for letter in letters {
            for text in [format!("a{letter}b"), format!("{letter}é"), letter.into()] {
                assert!(!is_plain_text(&text), "{text:?}");
            }
        }
        assert!(!is_plain_text("é\u{200d}\u{200d}é"));
    }
}
