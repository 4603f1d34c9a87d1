//! Which headers which file has, as the app says it in `_headers`, in the form that Cloudflare's platform reads: a path, with a star for
//! any rest, and below it, indented, `Name: value`. What is not understood is refused at the start, not left out: it may be what keeps
//! scripts out.

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::ReadError;

/// Of files that no rule speaks of: stored, and validated before each use. As the platform has it.
const DEFAULT_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, no-cache");

/// All rules, in their order.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    path: String,
    /// Whether `path` is only how it begins.
    is_prefix: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Rules {
    pub(super) fn parse(text: &str) -> Result<Self, ReadError> {
        let mut rules: Vec<Rule> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let refuse = |why| ReadError::Rule(number, why);
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                let rule = rules.last_mut().ok_or(refuse("a header before any path"))?;
                rule.headers.push(header(content).ok_or(refuse("it is not a header as `Name: value`"))?);
            } else {
                rules.push(Rule::of(content).ok_or(refuse("a path, with no star but at its end, is read"))?);
            }
        }
        Ok(Self(rules))
    }

    /// Those of the file at `path`. Where several rules name the same header, the last one counts.
    pub(super) fn headers(&self, path: &str) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(CACHE_CONTROL, DEFAULT_CACHE_CONTROL)]);
        for (name, value) in self.0.iter().filter(|rule| rule.speaks_of(path)).flat_map(|rule| &rule.headers) {
            headers.insert(name.clone(), value.clone());
        }
        headers
    }
}

impl Rule {
    fn of(path: &str) -> Option<Self> {
        let start = path.strip_suffix('*').unwrap_or(path);
        let is_read = start.starts_with('/') && !start.contains(['*', ':']);
        is_read.then(|| Self { path: start.to_owned(), is_prefix: start != path, headers: Vec::new() })
    }

    fn speaks_of(&self, path: &str) -> bool {
        path == self.path || self.is_prefix && path.starts_with(&self.path)
    }
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, HeaderValue::from_str(value.trim()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_app_says_is_kept_to_or_refused() {
        let text =
            "# A comment\n/*\n  X-One: for all\n\n/assets/*\n\tCache-Control: immutable\n/a.js\n  x-one: its own\n";
        let rules = Rules::parse(text).unwrap();
        for (path, one, cache) in [
            ("/", "for all", "public, no-cache"),
            ("/assets/x.js", "for all", "immutable"),
            ("/a.js", "its own", "public, no-cache"),
        ] {
            let headers = rules.headers(path);
            assert_eq!(
                (&headers["x-one"], &headers["cache-control"]),
                (&one.parse().unwrap(), &cache.parse().unwrap())
            );
        }
        for (text, line) in
            [("  X: y", 1), ("/*\n  nonsense", 2), ("/*/a\n", 1), ("https://a.example/*", 1), ("/:id", 1)]
        {
            assert!(matches!(Rules::parse(text), Err(ReadError::Rule(at, _)) if at == line), "{text}");
        }
    }
}
