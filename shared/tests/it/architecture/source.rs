//! Reads Rust source far enough for the rules: comments and texts are blanked, the rest is cut into words and marks.
//!
//! It knows no types and expands no macros. It sees every path that is written out, in `use` trees, in expressions, in
//! attributes and inside macro calls, and that is enough: a name that a path brought in was seen where the path stands.

/// A word, a mark, or `::`, with its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Cuts source into tokens.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let blanked: Vec<char> = blank(source);
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < blanked.len() {
        let start = at;
        if is_word(blanked[at]) {
            while at < blanked.len() && is_word(blanked[at]) {
                at += 1;
            }
        } else if blanked[at..].starts_with(&[':', ':']) {
            at += 2;
        } else {
            at += 1;
        }
        let text: String = blanked[start..at].iter().collect();
        if text == "\n" {
            line += 1;
        } else if !text.trim().is_empty() {
            tokens.push(Token { text, line });
        }
    }
    tokens
}

pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Puts spaces in the place of comments, texts and character literals; line breaks stay.
fn blank(source: &str) -> Vec<char> {
    let characters: Vec<char> = source.chars().collect();
    let mut blanked = Vec::with_capacity(characters.len());
    let mut at = 0;
    while at < characters.len() {
        let length = opaque_length(&characters, at);
        if length == 0 {
            blanked.push(characters[at]);
            at += 1;
            continue;
        }
        let end = (at + length).min(characters.len());
        let spaces = characters[at..end].iter();
        blanked.extend(spaces.map(|character| if *character == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    blanked
}

/// How many characters the comment or literal has that begins here; 0 when none does.
fn opaque_length(characters: &[char], at: usize) -> usize {
    let rest = &characters[at..];
    if rest.starts_with(&['/', '/']) {
        return rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
    }
    if rest.starts_with(&['/', '*']) {
        return block_comment_length(rest);
    }
    match rest[0] {
        '"' => quoted_length(rest, '"'),
        '\'' if rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'') => quoted_length(rest, '\''),
        // A raw text may be marked `r`, `br` or `cr`; what stands before the `r` is blanked or not, it does not matter.
        'r' if raw_may_begin(characters, at) => raw_length(rest),
        _ => 0,
    }
}

/// Block comments nest.
fn block_comment_length(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(&['/', '*']) {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(&['*', '/']) {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted_length(rest: &[char], mark: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != mark {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// An `r` in the middle of a word marks nothing, but for the `r` of `br` and `cr`.
fn raw_may_begin(characters: &[char], at: usize) -> bool {
    let before = |distance: usize| at.checked_sub(distance).map(|index| characters[index]);
    match before(1) {
        Some('b' | 'c') => !before(2).is_some_and(is_word),
        other => !other.is_some_and(is_word),
    }
}

/// `r"…"`, `r#"…"#` and so on; `r#word` is a raw identifier and no literal.
fn raw_length(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    let open = 1 + hashes;
    if rest.get(open) != Some(&'"') {
        return 0;
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    (open + 1..rest.len())
        .find(|index| rest[*index..].starts_with(&close))
        .map_or(rest.len(), |index| index + close.len())
}

/// A function with its length.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    /// From the line of `fn` to that of the closing brace.
    pub(super) lines: usize,
}

/// Every function with a body, nested ones too.
pub(super) fn functions(tokens: &[Token]) -> Vec<Function> {
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        if pair[0].text != "fn" || !pair[1].text.starts_with(is_word) {
            continue;
        }
        if let Some(end) = body_end(&tokens[index..]) {
            found.push(Function {
                name: pair[1].text.clone(),
                line: pair[0].line,
                lines: end - pair[0].line + 1,
            });
        }
    }
    found
}

/// The line on which the body ends; `None` when a semicolon comes first.
fn body_end(tokens: &[Token]) -> Option<usize> {
    let (mut inside, mut braces) = (0_i32, 0_i32);
    for token in tokens {
        match token.text.as_str() {
            "(" | "[" => inside += 1,
            ")" | "]" => inside -= 1,
            ";" if inside == 0 && braces == 0 => return None,
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if braces == 0 {
                    return Some(token.line);
                }
            }
            _ => {}
        }
    }
    None
}
