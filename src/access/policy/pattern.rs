//! Texts of a policy that stand for many: `*`, `?` and policy variables (IAM reference, "Policy elements: variables and
//! tags").

use super::context::Context;

/// A text with wildcards and variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    One(char),
    /// `?`: exactly one character.
    Any,
    /// `*`: any number of characters.
    Run,
    /// `${key}` or `${key, 'default'}`.
    Variable {
        key: String,
        default: Option<String>,
    },
}

impl Pattern {
    /// Reads a text. Variables are such only in documents of version 2012-10-17.
    pub fn parse(text: &str, with_variables: bool) -> Result<Self, String> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(first) = rest.chars().next() {
            if let Some(inner) = rest.strip_prefix("${").filter(|_| with_variables) {
                let (inner, after) = inner.split_once('}').ok_or_else(|| format!("{text:?}: a variable has no end"))?;
                pieces.push(variable(inner).map_err(|problem| format!("{text:?}: {problem}"))?);
                rest = after;
                continue;
            }
            pieces.push(match first {
                '*' => Piece::Run,
                '?' => Piece::Any,
                character => Piece::One(character),
            });
            rest = &rest[first.len_utf8()..];
        }
        Ok(Pattern(pieces))
    }

    /// The keys of its variables.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// With the variables replaced: their values are literal, whatever characters they hold. Nothing, if a variable has no
    /// value or several, and no default.
    pub fn resolve(&self, context: &Context) -> Option<Glob> {
        let mut pieces = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            match piece {
                Piece::One(character) => pieces.push(Part::One(*character)),
                Piece::Any => pieces.push(Part::Any),
                Piece::Run => pieces.push(Part::Run),
                Piece::Variable { key, default } => {
                    let value = match context.get(key) {
                        Some([value]) => value,
                        Some(_) => return None,
                        None => default.as_ref()?,
                    };
                    pieces.extend(value.chars().map(Part::One));
                }
            }
        }
        Some(Glob(pieces))
    }
}

fn variable(inner: &str) -> Result<Piece, String> {
    if let "*" | "?" | "$" = inner {
        return Ok(Piece::One(inner.chars().next().unwrap_or('$')));
    }
    let (key, default) = match inner.split_once(',') {
        None => (inner.trim(), None),
        Some((key, default)) => {
            let quoted = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            (key.trim(), Some(quoted.ok_or("the default of a variable stands between single quotes")?.to_owned()))
        }
    };
    match Context::is_known_key(key) {
        true => Ok(Piece::Variable { key: key.to_owned(), default }),
        false => Err(format!("{key:?} is no condition key of this server; is it {}?", Context::nearest_key(key))),
    }
}

/// A text with wildcards alone.
#[derive(Clone, Debug)]
pub struct Glob(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    One(char),
    Any,
    Run,
}

impl Glob {
    /// Whether it is a lone `*`, as most are.
    fn is_everything(&self) -> bool {
        matches!(self.0[..], [Part::Run])
    }

    /// Whether the whole text matches. Takes at most the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        self.is_everything() || matches(&self.0, &text.chars().collect::<Vec<_>>())
    }

    /// The same without regard to upper and lower case of ASCII letters.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        if self.is_everything() {
            return true;
        }
        let lower = |part: &Part| match part {
            Part::One(character) => Part::One(character.to_ascii_lowercase()),
            wildcard => *wildcard,
        };
        let parts: Vec<Part> = self.0.iter().map(lower).collect();
        matches(&parts, &text.chars().map(|character| character.to_ascii_lowercase()).collect::<Vec<_>>())
    }

    /// Whether an ARN matches part by part: a wildcard stays within its part, but for the sixth, which takes the rest.
    pub fn matches_arn(&self, text: &str) -> bool {
        if self.0 == [Part::Run] {
            return true;
        }
        let own: Vec<&[Part]> = self.0.splitn(6, |part| *part == Part::One(':')).collect();
        let given: Vec<&str> = text.splitn(6, ':').collect();
        own.len() == 6
            && given.len() == 6
            && own.iter().zip(given).all(|(parts, text)| matches(parts, &text.chars().collect::<Vec<_>>()))
    }

    /// The text itself: for comparisons in which wildcards mean nothing.
    pub fn literal(&self) -> String {
        let character = |part: &Part| match part {
            Part::One(character) => *character,
            Part::Any => '?',
            Part::Run => '*',
        };
        self.0.iter().map(character).collect()
    }
}

/// Goes back only to the last run: what an earlier one might have taken, the last can take as well.
fn matches(parts: &[Part], text: &[char]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut last_run: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Run) => {
                last_run = Some((part, at));
                part += 1;
            }
            Some(Part::Any) => (part, at) = (part + 1, at + 1),
            Some(Part::One(character)) if *character == text[at] => (part, at) = (part + 1, at + 1),
            _ => match last_run {
                Some((run, taken)) => {
                    last_run = Some((run, taken + 1));
                    (part, at) = (run + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    parts[part..].iter().all(|part| *part == Part::Run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Glob {
        Pattern::parse(text, true).unwrap().resolve(&Context::default()).unwrap()
    }

    #[test]
    fn wildcards_take_what_they_may() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a:b/c", true),
            ("?", "", false),
            ("?", "é", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("*a*b*", "xxaxxbxx", true),
            ("a*b*c", "abbcbc", true),
            ("a?c*", "abc", true),
            ("aa*aa", "aaa", false),
            ("${*}", "*", true),
            ("${*}", "x", false),
            ("${?}${$}", "?$", true),
        ] {
            assert_eq!(glob(pattern).matches(text), expected, "{pattern} {text}");
        }
        assert!(glob("cognito-idp:admin*").matches_ignoring_case("COGNITO-IDP:AdminGetUser"));
    }

    #[test]
    fn many_runs_take_no_long_time() {
        let pattern = "*a".repeat(2_000) + "b";
        assert!(!glob(&pattern).matches(&"a".repeat(4_000)));
    }

    #[test]
    fn arns_match_part_by_part() {
        let pattern = glob("arn:aws:iam::*:user/*");
        assert!(pattern.matches_arn("arn:aws:iam::1:user/a:b/c"));
        assert!(!pattern.matches_arn("arn:aws:iam:x:1:2:user/a"));
        assert!(!glob("arn:*").matches_arn("arn:aws:iam::1:user/a"));
        assert!(glob("*").matches_arn("arn:aws:iam::1:user/a"));
    }

    #[test]
    fn a_variables_value_is_literal() {
        let mut context = Context::default();
        context.set("aws:username", "a*");
        let resolved = |text: &str| Pattern::parse(text, true).unwrap().resolve(&context);
        assert!(resolved("x/${aws:username}").unwrap().matches("x/a*"));
        assert!(!resolved("x/${AWS:UserName}").unwrap().matches("x/ab"));
        assert!(resolved("${aws:userid}").is_none());
        assert!(resolved("${aws:userid, 'nobody'}").unwrap().matches("nobody"));
        context.set_all("aws:TagKeys", ["a".to_owned(), "b".to_owned()]);
        assert!(Pattern::parse("${aws:TagKeys, 'x'}", true).unwrap().resolve(&context).is_none());
    }

    #[test]
    fn odd_variables_are_refused_and_old_documents_have_none() {
        for text in ["${aws:username", "${aws:nonsense}", "${}", "${aws:username, nobody}"] {
            assert!(Pattern::parse(text, true).is_err(), "{text}");
        }
        let old = Pattern::parse("${aws:username}", false).unwrap().resolve(&Context::default()).unwrap();
        assert!(old.matches("${aws:username}"));
    }
}
