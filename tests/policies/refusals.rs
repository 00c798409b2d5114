//! What cannot be understood to the last word is refused, with its place.

use cognate::access::policy::Policy;
use proptest::prelude::*;

/// A document of seven lines; the third to fifth are what a case puts there.
fn with(lines: &str) -> String {
    format!("{{\"Version\": \"2012-10-17\",\n\"Statement\": [{{\n{lines}\n}}]}}")
}

#[track_caller]
fn refused(text: &str, line: usize, problem: &str) {
    let invalid = Policy::parse(text).expect_err(text);
    assert!(invalid.problem.contains(problem), "{problem:?} is not in: {invalid}\n{text}");
    assert_eq!(invalid.line, line, "{invalid}\n{text}");
    assert_eq!(invalid.to_string(), format!("line {}, column {}: {}", line, invalid.column, invalid.problem));
}

#[test]
fn statements_say_what_they_mean() {
    let allow = "\"Effect\": \"Allow\",\n\"Action\": \"*\",\n\"Resource\": \"*\"";
    assert!(Policy::parse(&with(allow)).is_ok());
    for (lines, line, problem) in [
        ("\"Effect\": \"Allow\",\n\"Action\": \"*\",\n\"Resourse\": \"*\"", 5, "unknown field `Resourse`"),
        ("\"Effect\": \"Allow\",\n\"Principal\": \"*\",\n\"Resource\": \"*\"", 4, "unknown field `Principal`"),
        ("\"Effect\": \"allow\",\n\"Action\": \"*\",\n\"Resource\": \"*\"", 3, "unknown variant `allow`"),
        ("\"Effect\": \"Allow\",\n\"Effect\": \"Deny\"", 4, "duplicate field `Effect`"),
        ("\"Effect\": \"Allow\",\n\"Action\": \"GetUser\"", 4, "\"GetUser\" is no action"),
        ("\"Effect\": \"Allow\",\n\"Action\": [\"*\",\n\"a b:c\"]", 5, "\"a b:c\" is no action"),
        ("\"Effect\": \"Allow\",\n\"Action\": []", 4, "an empty list"),
        ("\"Effect\": \"Allow\",\n\"Action\": [[\"*\"]]", 4, "expected an action"),
        ("\"Effect\": \"Allow\",\n\"Action\": 7", 4, "7 where an action belongs"),
        ("\"Effect\": \"Allow\",\n\"Resource\": \"userpool/a\"", 4, "\"userpool/a\" is no ARN"),
        ("\"Effect\": \"Allow\",\n\"Resource\": \"arn:aws:cognito-idp:us-east-1:userpool/a\"", 4, "is no ARN"),
        ("\"Effect\": \"Allow\",\n\"Resource\": \"arn:aws:*:::a\"", 4, "is no ARN"),
        ("\"Effect\": \"Allow\",\n\"NotResource\": \"arn:aws:s3:::${aws:nonsense}\"", 4, "is no condition key"),
        ("\"Effect\": \"Allow\",\n\"Resource\": \"arn:aws:s3:::${aws:username\"", 4, "a variable has no end"),
        ("\"Effect\": \"Allow\",\n\"Resource\": \"*\"", 5, "either Action or NotAction"),
        ("\"Effect\": \"Allow\",\n\"Action\": \"*\"", 5, "either Resource or NotResource"),
        (
            "\"Effect\": \"Allow\", \"Action\": \"*\",\n\"NotAction\": \"*\", \"Resource\": \"*\"",
            5,
            "either Action or NotAction",
        ),
        ("\"Action\": \"*\",\n\"Resource\": \"*\"", 5, "missing field `Effect`"),
    ] {
        refused(&with(lines), line, problem);
    }
}

#[test]
fn conditions_say_what_they_mean() {
    let with_condition = |condition: &str| {
        with(&format!(
            "\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\",\n\"Condition\": {{\n{condition}}}"
        ))
    };
    assert!(Policy::parse(&with_condition("\"StringEquals\": {\"aws:username\": \"a\"}")).is_ok());
    for (condition, line, problem) in [
        ("\"StringEqual\": {\"aws:username\": \"a\"}", 5, "\"StringEqual\" is no condition operator"),
        ("\"stringequals\": {\"aws:username\": \"a\"}", 5, "is no condition operator"),
        ("\"BinaryEquals\": {\"aws:username\": \"a\"}", 5, "is no condition operator"),
        ("\"NullIfExists\": {\"aws:username\": \"true\"}", 5, "is no condition operator"),
        ("\"ForAllValues:Null\": {\"aws:TagKeys\": \"true\"}", 5, "is no condition operator"),
        ("\"ForSomeValues:StringEquals\": {\"aws:TagKeys\": \"a\"}", 5, "is no condition operator"),
        ("\"StringEquals\":\n{\"aws:user\": \"a\"}", 6, "is it aws:user"),
        ("\"StringEquals\": {\"aws:PrincipalTag/\": \"a\"}", 5, "is no condition key"),
        ("\"StringEquals\": {}", 5, "without a condition key"),
        ("\"StringEquals\": {\"aws:username\": []}", 5, "an empty list"),
        ("\"StringEquals\": {\"aws:username\": {}}", 5, "an object where a value belongs"),
        ("\"StringEquals\": \"a\"", 5, "an object of condition keys"),
        ("\"StringEquals\": {\"aws:username\": \"a\",\n\"aws:UserName\": \"b\"}", 6, "stands there twice"),
        (
            "\"Bool\": {\"aws:SecureTransport\": \"true\"},\n\"Bool\": {\"aws:SecureTransport\": \"true\"}",
            6,
            "stands there twice",
        ),
        ("\"Bool\": {\"aws:SecureTransport\": \"yes\"}", 5, "\"yes\" is not true or false"),
        ("\"IpAddress\": {\"aws:SourceIp\": \"192.0.2.0/33\"}", 5, "is not an address or a network"),
        ("\"NumericEquals\": {\"aws:EpochTime\": \"ten\"}", 5, "is not a number"),
        ("\"DateLessThan\": {\"aws:CurrentTime\": \"tomorrow\"}", 5, "is not a date"),
        ("\"ArnLike\": {\"aws:PrincipalArn\": \"user/alice\"}", 5, "is not an ARN"),
        ("\"Null\": {\"aws:username\": \"maybe\"}", 5, "is not true or false"),
        ("\"StringEquals\": {\"aws:username\": \"${aws:userid, nobody}\"}", 5, "between single quotes"),
    ] {
        refused(&with_condition(condition), line, problem);
    }
}

#[test]
fn documents_say_what_they_mean() {
    let statement = "{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}";
    for (text, line, problem) in [
        ("", 1, "EOF"),
        ("[]", 1, "a policy is an object"),
        ("[\"2012-10-17\", null, []]", 1, "a policy is an object"),
        ("{\n\"Version\": \"2012-10-17\"\n}", 3, "missing field `Statement`"),
        (&format!("{{\n\"Version\": \"2012-10-18\", \"Statement\": {statement}}}"), 2, "unknown variant `2012-10-18`"),
        (&format!("{{\n\"Statement\": {statement},\n\"Statements\": []}}"), 3, "unknown field `Statements`"),
        (&format!("{{\"Statement\": {statement},\n\"Statement\": {statement}}}"), 2, "duplicate field `Statement`"),
        (&format!("{{\"Statement\": {statement}}}\n{{}}"), 2, "trailing characters"),
        ("{\"Statement\": []}", 1, "an empty list"),
        ("{\"Statement\": \"*\"}", 1, "a string where a statement belongs"),
        ("{\"Statement\": [[]]}", 1, "expected a statement"),
    ] {
        refused(text, line, problem);
    }
    let named = "{\"Sid\": \"A\", \"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}";
    let invalid = Policy::parse(&format!("{{\"Statement\": [{named}, {named}]}}")).unwrap_err();
    assert!(invalid.problem.contains("the Sid \"A\" stands there twice"), "{invalid}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_document_is_more_than_refused(at in any::<prop::sample::Index>(), put in any::<char>(), cut in any::<bool>()) {
        let good = with("\"Effect\": \"Allow\", \"Action\": [\"cognito-idp:*\"],\n\"Resource\": \"arn:aws:a:::${aws:username, 'x'}*\",\n\
                         \"Condition\": {\"ForAnyValue:StringLikeIfExists\": {\"aws:TagKeys\": [\"a\", \"${*}\"]}}");
        let mut characters: Vec<char> = good.chars().collect();
        let at = at.index(characters.len());
        if cut { characters.truncate(at) } else { characters[at] = put }
        let _ = Policy::parse(&characters.into_iter().collect::<String>());
    }
}
