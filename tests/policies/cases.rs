//! One case for each rule.

use cognate::access::policy::{Context, Decision, Policy, Request, decide};
use serde_json::{Value, json};

use super::{ACTION, Outcome, POOL, context, decided, document, holds};

/// Each condition, and what becomes of it in each of these contexts.
#[track_caller]
fn assert_conditions(contexts: &[Context], cases: &[(Value, &[bool])]) {
    for (condition, expected) in cases {
        let found: Vec<bool> = contexts.iter().map(|context| holds(condition, context)).collect();
        assert_eq!(found, *expected, "{condition}");
    }
}

#[test]
fn texts_are_compared() {
    let key = "aws:UserAgent";
    let contexts = [context(&[(key, "Alice")]), context(&[(key, "alice")]), context(&[(key, "bob")]), context(&[])];
    assert_conditions(
        &contexts,
        &[
            (json!({"StringEquals": {key: "Alice"}}), &[true, false, false, false]),
            (json!({"StringEquals": {key: ["x", "Alice"]}}), &[true, false, false, false]),
            (json!({"StringEquals": {key: "Al*"}}), &[false, false, false, false]),
            (json!({"StringNotEquals": {key: "Alice"}}), &[false, true, true, true]),
            (json!({"StringNotEquals": {key: ["bob", "Alice"]}}), &[false, true, false, true]),
            (json!({"StringEqualsIgnoreCase": {key: "ALICE"}}), &[true, true, false, false]),
            (json!({"StringNotEqualsIgnoreCase": {key: "ALICE"}}), &[false, false, true, true]),
            (json!({"StringLike": {key: "?li*"}}), &[true, true, false, false]),
            (json!({"StringNotLike": {key: "?li*"}}), &[false, false, true, true]),
            (json!({"StringEqualsIfExists": {key: "Alice"}}), &[true, false, false, true]),
            (json!({"StringNotEqualsIfExists": {key: "Alice"}}), &[false, true, true, true]),
            (json!({"StringLikeIfExists": {key: "a*"}}), &[false, true, false, true]),
        ],
    );
}

#[test]
fn arns_are_compared_part_by_part() {
    let key = "aws:PrincipalArn";
    let user = |name: &str| context(&[(key, &format!("arn:aws:iam::000000000000:user/{name}"))]);
    let contexts = [user("desk/alice"), user("bob"), context(&[(key, "no arn")]), context(&[])];
    for (positive, negative) in [("ArnEquals", "ArnNotEquals"), ("ArnLike", "ArnNotLike")] {
        assert_conditions(
            &contexts,
            &[
                (json!({positive: {key: "arn:aws:iam::*:user/desk/*"}}), &[true, false, false, false]),
                (json!({positive: {key: "arn:*:*:*:*:*"}}), &[true, true, false, false]),
                (json!({positive: {key: "arn:aws:iam:*:user/desk/*:*"}}), &[false, false, false, false]),
                (json!({negative: {key: "arn:aws:iam::*:user/desk/*"}}), &[false, true, true, true]),
            ],
        );
    }
}

#[test]
fn addresses_are_in_networks() {
    let key = "aws:SourceIp";
    let from = |address: &str| context(&[(key, address)]);
    let contexts =
        [from("192.0.2.7"), from("198.51.100.1"), from("2001:db8::7"), from("::ffff:192.0.2.7"), from("odd"), from("")];
    assert_conditions(
        &contexts,
        &[
            (json!({"IpAddress": {key: "192.0.2.0/24"}}), &[true, false, false, true, false, false]),
            (json!({"IpAddress": {key: "192.0.2.7"}}), &[true, false, false, true, false, false]),
            (
                json!({"IpAddress": {key: ["2001:db8::/32", "198.51.100.0/31"]}}),
                &[false, true, true, false, false, false],
            ),
            (json!({"IpAddress": {key: "0.0.0.0/0"}}), &[true, true, false, true, false, false]),
            (json!({"IpAddress": {key: "::ffff:192.0.2.0/120"}}), &[true, false, false, true, false, false]),
            (json!({"IpAddress": {key: "::ffff:192.0.2.7"}}), &[true, false, false, true, false, false]),
            (json!({"IpAddress": {key: "::/0"}}), &[false, false, true, false, false, false]),
            (json!({"NotIpAddress": {key: "192.0.2.0/24"}}), &[false, true, true, false, true, true]),
        ],
    );
    assert!(!holds(&json!({"IpAddress": {key: "0.0.0.0/0"}}), &context(&[])));
    assert!(holds(&json!({"NotIpAddress": {key: "0.0.0.0/0"}}), &context(&[])));
}

#[test]
fn truth_is_written_in_several_ways() {
    let key = "aws:SecureTransport";
    let contexts = [context(&[(key, "true")]), context(&[(key, "false")]), context(&[(key, "odd")]), context(&[])];
    for truth in [json!(true), json!("true"), json!("TRUE"), json!(["true"])] {
        assert_conditions(&contexts, &[(json!({"Bool": {key: truth}}), &[true, false, false, false])]);
    }
    assert_conditions(
        &contexts,
        &[
            (json!({"Bool": {key: false}}), &[false, true, false, false]),
            (json!({"BoolIfExists": {key: true}}), &[true, false, false, true]),
        ],
    );
}

#[test]
fn numbers_have_an_order() {
    let key = "aws:EpochTime";
    let contexts = ["9", "10", "10.0", "11", "ten"].map(|number| context(&[(key, number)]));
    assert_conditions(
        &contexts,
        &[
            (json!({"NumericEquals": {key: 10}}), &[false, true, true, false, false]),
            (json!({"NumericNotEquals": {key: "10"}}), &[true, false, false, true, true]),
            (json!({"NumericLessThan": {key: 10}}), &[true, false, false, false, false]),
            (json!({"NumericLessThanEquals": {key: 10}}), &[true, true, true, false, false]),
            (json!({"NumericGreaterThan": {key: 10}}), &[false, false, false, true, false]),
            (json!({"NumericGreaterThanEquals": {key: 10.0}}), &[false, true, true, true, false]),
        ],
    );
}

#[test]
fn dates_have_an_order() {
    let key = "aws:CurrentTime";
    let at = "2026-01-07T05:06:09Z";
    let contexts = ["2026-01-07T05:06:08Z", at, "2026-01-07T06:06:09+01:00", "2026-01-08", "odd"]
        .map(|date| context(&[(key, date)]));
    assert_conditions(
        &contexts,
        &[
            (json!({"DateEquals": {key: at}}), &[false, true, true, false, false]),
            (json!({"DateNotEquals": {key: at}}), &[true, false, false, true, true]),
            (json!({"DateLessThan": {key: at}}), &[true, false, false, false, false]),
            (json!({"DateLessThanEquals": {key: at}}), &[true, true, true, false, false]),
            (json!({"DateGreaterThan": {key: at}}), &[false, false, false, true, false]),
            (json!({"DateGreaterThanEquals": {key: at}}), &[false, true, true, true, false]),
            (json!({"DateGreaterThanEquals": {key: 1_767_762_369}}), &[false, true, true, true, false]),
            (json!({"DateLessThan": {key: "2026-01-08"}}), &[true, true, true, false, false]),
        ],
    );
}

#[test]
fn null_asks_whether_a_key_is_there() {
    let key = "aws:MultiFactorAuthPresent";
    let contexts = [context(&[(key, "true")]), context(&[])];
    assert_conditions(
        &contexts,
        &[
            (json!({"Null": {key: true}}), &[false, true]),
            (json!({"Null": {key: "true"}}), &[false, true]),
            (json!({"Null": {key: "false"}}), &[true, false]),
        ],
    );
}

#[test]
fn keys_of_several_values_are_taken_any_or_all() {
    let key = "aws:TagKeys";
    let tags = |names: &[&str]| {
        let mut context = Context::default();
        context.set_all(key, names.iter().map(|name| (*name).to_owned()));
        context
    };
    let contexts = [tags(&["a"]), tags(&["a", "b"]), tags(&["c"]), tags(&["a", "c"]), tags(&[])];
    let wanted = json!({key: ["a", "b"]});
    assert_conditions(
        &contexts,
        &[
            (json!({"ForAllValues:StringEquals": wanted}), &[true, true, false, false, true]),
            (json!({"ForAnyValue:StringEquals": wanted}), &[true, true, false, true, false]),
            (json!({"ForAllValues:StringNotEquals": wanted}), &[false, false, true, false, true]),
            (json!({"ForAnyValue:StringNotEquals": wanted}), &[false, false, true, true, false]),
            (json!({"ForAnyValue:StringLike": {key: "?"}}), &[true, true, true, true, false]),
            (json!({"ForAllValues:StringNotLike": {key: "c*"}}), &[true, true, false, false, true]),
            (json!({"ForAnyValue:StringEqualsIfExists": wanted}), &[true, true, false, true, true]),
            (json!({"StringEquals": wanted}), &[true, true, false, true, false]),
            (json!({"StringNotEquals": wanted}), &[false, false, true, false, true]),
        ],
    );
}

#[test]
fn operators_and_keys_are_joined_by_and_values_by_or() {
    let condition = json!({
        "StringEquals": {"aws:username": ["alice", "bob"], "aws:RequestedRegion": "us-east-1"},
        "Bool": {"aws:SecureTransport": "true"},
    });
    let all = [("aws:username", "bob"), ("aws:RequestedRegion", "us-east-1"), ("aws:SecureTransport", "true")];
    assert!(holds(&condition, &context(&all)));
    for (index, (key, _)) in all.iter().enumerate() {
        let mut pairs = all.to_vec();
        pairs[index] = (key, "other");
        assert!(!holds(&condition, &context(&pairs)), "{key}");
        pairs.remove(index);
        assert!(!holds(&condition, &context(&pairs)), "without {key}");
    }
}

#[test]
fn every_key_is_known_in_upper_and_lower_case() {
    for key in [
        "aws:CurrentTime",
        "aws:EpochTime",
        "aws:MultiFactorAuthPresent",
        "aws:PrincipalArn",
        "aws:PrincipalTag/team",
        "aws:RequestTag/team",
        "aws:RequestedRegion",
        "aws:ResourceTag/team",
        "aws:SecureTransport",
        "aws:SourceIp",
        "aws:TagKeys",
        "aws:UserAgent",
        "aws:userid",
        "aws:username",
    ] {
        for spelled in [key.to_owned(), key.to_uppercase(), key.to_lowercase()] {
            assert!(holds(&json!({"StringEquals": {spelled: "x"}}), &context(&[(key, "x")])), "{key}");
        }
    }
}

#[test]
fn variables_stand_for_values_in_resources_and_conditions() {
    let own = document(json!({
        "Effect": "Allow", "Action": "*",
        "Resource": "arn:aws:cognito-idp:us-east-1:000000000000:userpool/${aws:PrincipalTag/pool}",
    }));
    let decide_for = |document: &Value, pairs: &[(&str, &str)]| decided(document, ACTION, POOL, &context(pairs));
    let tag = "aws:PrincipalTag/pool";
    assert_eq!(decide_for(&own, &[(tag, "us-east-1_AbCdEf123")]), Outcome::Allowed);
    assert_eq!(decide_for(&own, &[(tag, "us-east-1_Other0000")]), Outcome::DeniedByDefault);
    assert_eq!(decide_for(&own, &[(tag, "*")]), Outcome::DeniedByDefault, "a value is no wildcard");
    assert_eq!(decide_for(&own, &[]), Outcome::DeniedByDefault, "without a value nothing matches");

    let with_default = document(json!({
        "Effect": "Allow", "Action": "*",
        "Resource": "arn:aws:cognito-idp:us-east-1:000000000000:userpool/${aws:PrincipalTag/pool, 'us-east-1_AbCdEf123'}",
    }));
    assert_eq!(decide_for(&with_default, &[]), Outcome::Allowed);
    assert_eq!(decide_for(&with_default, &[(tag, "x")]), Outcome::DeniedByDefault);

    let mine = json!({"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}});
    assert!(holds(&mine, &context(&[("aws:ResourceTag/owner", "alice"), ("aws:username", "alice")])));
    assert!(!holds(&mine, &context(&[("aws:ResourceTag/owner", "alice"), ("aws:username", "bob")])));
    assert!(!holds(&mine, &context(&[("aws:ResourceTag/owner", "alice")])));
    let literal = json!({"StringLike": {"aws:username": "${*}${?}${$}"}});
    assert!(holds(&literal, &context(&[("aws:username", "*?$")])));
    assert!(!holds(&literal, &context(&[("aws:username", "abc")])));
}

#[test]
fn older_documents_have_no_variables() {
    let statement = json!({
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:UserAgent": "${aws:username}"}},
    });
    let plain = context(&[("aws:UserAgent", "alice"), ("aws:username", "alice")]);
    let literal = context(&[("aws:UserAgent", "${aws:username}"), ("aws:username", "alice")]);
    for old in [json!({"Statement": statement}), json!({"Statement": [statement], "Version": "2008-10-17"})] {
        assert_eq!(decided(&old, ACTION, POOL, &plain), Outcome::DeniedByDefault);
        assert_eq!(decided(&old, ACTION, POOL, &literal), Outcome::Allowed);
    }
    assert_eq!(decided(&document(statement), ACTION, POOL, &plain), Outcome::Allowed);
}

#[test]
fn actions_ignore_case_and_resources_do_not() {
    let allow =
        |action: &str, resource: &str| document(json!({"Effect": "Allow", "Action": action, "Resource": resource}));
    let none = Context::default();
    for (action, resource, expected) in [
        ("cognito-idp:admingetuser", POOL, Outcome::Allowed),
        ("COGNITO-IDP:Admin*", POOL, Outcome::Allowed),
        ("cognito-idp:AdminGetUse?", POOL, Outcome::Allowed),
        ("cognito-idp:AdminGetUser?", POOL, Outcome::DeniedByDefault),
        ("cognito-idp:*", "*", Outcome::Allowed),
        ("s3:*", "*", Outcome::DeniedByDefault),
        ("*", "arn:aws:cognito-idp:*:*:userpool/*", Outcome::Allowed),
        ("*", "arn:aws:cognito-idp:*:*:*", Outcome::Allowed),
        ("*", "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abcdef123", Outcome::DeniedByDefault),
        ("*", "arn:aws:cognito-idp:*:userpool/us-east-1_AbCdEf12?:*", Outcome::DeniedByDefault),
    ] {
        assert_eq!(decided(&allow(action, resource), ACTION, POOL, &none), expected, "{action} {resource}");
    }
    assert_eq!(decided(&allow("*", "*"), ACTION, "*", &none), Outcome::Allowed);
    assert_eq!(
        decided(&allow("*", "arn:aws:cognito-idp:*:*:userpool/*"), ACTION, "*", &none),
        Outcome::DeniedByDefault
    );
}

#[test]
fn what_is_not_named_is_everything_else() {
    let none = Context::default();
    let other = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_Other0000";
    let but_actions =
        document(json!({"Effect": "Allow", "NotAction": ["cognito-idp:Delete*", "s3:*"], "Resource": [POOL, other]}));
    assert_eq!(decided(&but_actions, ACTION, POOL, &none), Outcome::Allowed);
    assert_eq!(decided(&but_actions, "cognito-idp:DeleteUserPool", POOL, &none), Outcome::DeniedByDefault);
    let but_resources = document(json!({"Effect": "Deny", "Action": "*", "NotResource": [POOL]}));
    assert_eq!(decided(&but_resources, ACTION, POOL, &none), Outcome::DeniedByDefault);
    assert_eq!(decided(&but_resources, ACTION, other, &none), Outcome::ExplicitlyDenied);
    assert_eq!(decided(&but_resources, ACTION, "*", &none), Outcome::ExplicitlyDenied);
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let deny = json!({"Sid": "No", "Effect": "Deny", "Action": ACTION, "Resource": POOL});
    let none = Context::default();
    for statements in [json!([allow, deny]), json!([deny, allow]), json!([deny])] {
        assert_eq!(decided(&document(statements), ACTION, POOL, &none), Outcome::ExplicitlyDenied);
    }
    let [allow, deny] = [allow, deny].map(|statement| Policy::parse(&document(statement).to_string()).unwrap());
    let request = Request { action: ACTION, resource: POOL, context: &none };
    for policies in [[("allow", &allow), ("deny", &deny)], [("deny", &deny), ("allow", &allow)]] {
        let Decision::Denied(Some(reason)) = decide(policies, &request) else { panic!("it is allowed") };
        assert_eq!((reason.policy, reason.statement, reason.sid), ("deny", 1, Some("No")));
        assert_eq!(reason.to_string(), "statement 1 (\"No\") of policy deny");
    }
    assert_eq!(decide([], &request), Decision::Denied(None));
}

#[test]
fn the_first_statement_that_allows_is_told() {
    let text = document(json!([
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "Too", "Effect": "Allow", "Action": "*", "Resource": "*"},
    ]));
    let policy = Policy::parse(&text.to_string()).unwrap();
    let none = Context::default();
    let request = Request { action: ACTION, resource: POOL, context: &none };
    let Decision::Allowed(reason) = decide([("desk", &policy)], &request) else { panic!("it is denied") };
    assert_eq!(reason.to_string(), "statement 2 of policy desk");
}

#[test]
fn a_policy_that_asks_for_the_pools_tags_says_so() {
    let asks = |statement: Value| Policy::parse(&document(statement).to_string()).unwrap().asks_for_resource_tags();
    let with = |resource: &str, condition: Value| json!({"Effect": "Allow", "Action": "*", "Resource": resource, "Condition": condition});
    assert!(!asks(with("*", json!({"StringEquals": {"aws:PrincipalTag/a": "b"}}))));
    assert!(asks(with("*", json!({"StringEquals": {"AWS:resourcetag/a": "b"}}))));
    assert!(asks(with("*", json!({"StringEquals": {"aws:PrincipalTag/a": "${aws:ResourceTag/a}"}}))));
    assert!(asks(with("arn:aws:cognito-idp:::userpool/${aws:ResourceTag/a}", json!({}))));
}
