//! The parameters of a query.

use axum::extract::Query;
use axum::http::Uri;

use super::error::Fault;
use super::limits::QUERY_MAX_BYTES;

/// The parameters of a query. Those that nobody asks for are ignored; an empty one is as one that is not there.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query.
    pub(super) fn read(uri: &Uri) -> Result<Self, Fault> {
        if uri.query().is_some_and(|query| query.len() > QUERY_MAX_BYTES) {
            return Err(Fault::BadParameter(format!("the query is longer than {QUERY_MAX_BYTES} bytes")));
        }
        let Query(pairs) =
            Query::try_from_uri(uri).map_err(|error| Fault::BadParameter(error.to_string()))?;
        Ok(Self(pairs))
    }

    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(wrong(name, "is given twice")),
            (Some("") | None, None) => Ok(None),
            (Some(value), None) => Ok(Some(value)),
        }
    }

    /// A parameter that takes one of these words.
    pub(super) fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Fault> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| Some(*meaning));
        found.ok_or_else(|| {
            let accepted: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            wrong(name, &format!("{value:?} is not known: {} is accepted", accepted.join(", ")))
        })
    }

    /// A parameter that takes what this function reads.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Fault> {
        self.get(name)?.map(|value| read(value).map_err(|problem| wrong(name, &problem))).transpose()
    }
}

/// The fault of a parameter.
pub(super) fn wrong(name: &str, problem: &str) -> Fault {
    Fault::BadParameter(format!("{name}: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Parameters {
        Parameters::read(&format!("/x?{query}").parse().unwrap()).unwrap()
    }

    #[test]
    fn a_word_is_one_of_those_that_are_accepted() {
        let words = [("pod", 1), ("host", 2)];
        let check = |query: &str, expected: Result<Option<i32>, &str>| {
            let found = read(query).one_of("plane", &words);
            assert_eq!(found, expected.map_err(|text| Fault::BadParameter(text.to_owned())), "{query}");
        };
        check("plane=pod", Ok(Some(1)));
        check("plane=", Ok(None));
        check("other=x", Ok(None));
        check("plane=%68ost", Ok(Some(2)));
        check("plane=POD", Err("plane: \"POD\" is not known: pod, host is accepted"));
        check("plane=pod&plane=pod", Err("plane: is given twice"));
    }

    #[test]
    fn a_query_without_end_is_refused() {
        let uri = format!("/x?{}", "a".repeat(QUERY_MAX_BYTES + 1)).parse().unwrap();
        assert!(matches!(Parameters::read(&uri), Err(Fault::BadParameter(_))));
    }
}
