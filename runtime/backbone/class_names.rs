//! Class names as people and programs write them down: a line each, or a literal of Python.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// The names in a file with a name a line; numbers before the names (`0 Hammer`) are their order.
pub fn class_names(text: &str) -> Vec<String> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(|line| line.trim().to_owned());
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let numbered: Option<BTreeMap<usize, String>> = lines.iter().map(|line| numbered(line)).collect();
    match numbered {
        Some(numbered) if numbered.len() == lines.len() && numbered.keys().copied().eq(0..lines.len()) => {
            numbered.into_values().collect()
        }
        _ => lines,
    }
}

/// `0 Hammer`, `0: Hammer`, `0,Hammer`, as Teachable Machine and others write them.
fn numbered(line: &str) -> Option<(usize, String)> {
    let end = line.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = line.split_at(end);
    let name = rest.trim_start_matches([' ', '\t', ':', ',', ';', '=']);
    (!name.is_empty() && name.len() < rest.len()).then_some((number.parse().ok()?, name.trim().to_owned()))
}

/// The names in a dictionary of Python (`{0: 'ant', 1: "bee's"}`) by their keys, or in a list; `None` where the text is
/// something else, or the keys are not 0, 1, 2 and so on.
pub(super) fn python_names(text: &str) -> Option<Vec<String>> {
    let mut reader = Reader(text.chars().peekable());
    reader.spaces();
    let names = match reader.0.next()? {
        '{' => {
            let entries = reader.items('}', |reader| {
                let key = reader.key()?;
                reader.sign(':')?;
                Some((key, reader.string()?))
            })?;
            let by_key: BTreeMap<usize, String> = entries.iter().cloned().collect();
            (by_key.keys().copied().eq(0..entries.len())).then(|| by_key.into_values().collect())?
        }
        '[' => reader.items(']', Reader::string)?,
        _ => return None,
    };
    reader.spaces();
    reader.0.next().is_none().then_some(names)
}

struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    fn spaces(&mut self) {
        while self.0.next_if(|c| c.is_whitespace()).is_some() {}
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.spaces();
        self.0.next_if_eq(&sign).map(drop)
    }

    /// Items with commas between, up to `end`.
    fn items<T>(&mut self, end: char, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        loop {
            if self.sign(end).is_some() {
                return Some(items);
            }
            items.push(item(self)?);
            if self.sign(',').is_none() {
                return self.sign(end).map(|()| items);
            }
        }
    }

    /// A number, or one between quotes as JSON has it.
    fn key(&mut self) -> Option<usize> {
        self.spaces();
        if matches!(self.0.peek(), Some('\'' | '"')) {
            return self.string()?.parse().ok();
        }
        let mut digits = String::new();
        while let Some(digit) = self.0.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse().ok()
    }

    fn string(&mut self) -> Option<String> {
        self.spaces();
        let quote = self.0.next_if(|c| matches!(c, '\'' | '"'))?;
        let mut text = String::new();
        loop {
            match self.0.next()? {
                c if c == quote => return Some(text),
                '\\' => text.push(self.escaped()?),
                c => text.push(c),
            }
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.0.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'x' => self.hexadecimal(2)?,
            'u' => self.hexadecimal(4)?,
            'U' => self.hexadecimal(8)?,
            c @ ('\\' | '\'' | '"' | '/') => c,
            _ => return None,
        })
    }

    fn hexadecimal(&mut self, length: usize) -> Option<char> {
        let digits: String = (0..length).map(|_| self.0.next_if(char::is_ascii_hexdigit)).collect::<Option<_>>()?;
        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_names_without_their_mark_and_their_numbers() {
        let hammer = ["Hammer", "Säge"];
        for text in [
            "Hammer\nSäge\n",
            "\u{feff}Hammer\r\nSäge\r\n",
            "0 Hammer\r\n1 Säge\r\n",
            "1: Säge\n0: Hammer",
            "0,Hammer\n\n1,Säge\n",
        ] {
            assert_eq!(class_names(text), hammer, "{text:?}");
        }
    }

    #[test]
    fn names_that_begin_with_numbers_of_their_own_keep_them() {
        for text in ["7 up\n3 musketeers", "0 Hammer\nSäge", "1 one\n2 two", "0\n1", "0day\n1st"] {
            assert_eq!(class_names(text), text.lines().collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn a_literal_is_read_as_python_reads_it() {
        for (text, names) in [
            ("{0: 'ant', 1: \"bee's\"}", &["ant", "bee's"][..]),
            (r#"{0: '5" bee\'s', 1: 'a\\b',}"#, &["5\" bee's", "a\\b"]),
            (r"{1: 'K\xe4fer', 0: '\u8702'}", &["蜂", "Käfer"]),
            (r#"{"0": "ant", "1": "d\tog"}"#, &["ant", "d\tog"]),
            ("['x', 'y, z: {1}']", &["x", "y, z: {1}"]),
            ("{}", &[]),
        ] {
            assert_eq!(python_names(text).unwrap(), names, "{text}");
        }
    }

    #[test]
    fn what_is_no_whole_literal_gives_no_names() {
        for text in
            ["", "{0: 'x'", "{0: 'x'} y", "{1: 'x'}", "{0: 'x', 0: 'y'}", "{0: x}", "{0 'x'}", "['x' 'y']", r"['\q']"]
        {
            assert_eq!(python_names(text), None, "{text}");
        }
    }
}
