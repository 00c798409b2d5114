//! Random policies and requests, on which both evaluators must agree.
//!
//! A longer run: `COGNATE_POLICY_PAIRS=10000000 cargo test --release --test policies agree`, with another
//! `COGNATE_POLICY_SEED` if wanted.

use cognate::access::policy::{Context, Policy, Request, decide};
use cognate::rng::Rng;
use serde_json::{Map, Value, json};

use super::oracle::{self, Facts};
use super::{Outcome, outcome};

/// Draws from small sets, so that what is drawn for a policy often is what is drawn for a request.
struct Draw(Rng);

impl Draw {
    fn below(&self, end: usize) -> usize {
        usize::from(self.0.bytes::<1>()[0]) % end
    }

    fn chance(&self, of_ten: usize) -> bool {
        self.below(10) < of_ten
    }

    fn one<'a>(&self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// One value, or a list of one to three.
    fn some(&self, one: impl Fn() -> Value) -> Value {
        if self.chance(5) { one() } else { (0..=self.below(3)).map(|_| one()).collect() }
    }

    fn action(&self) -> Value {
        let patterns = ["*", "cognito-idp:*", "cognito-idp:admin*", "cognito-idp:*User", "cognito-idp:AdminGetUse?"];
        let named = ["cognito-idp:AdminGetUser", "cognito-idp:ListUserPools", "s3:GetObject", "cognito-idp:D*"];
        self.one(&[patterns.as_slice(), &named].concat()).into()
    }

    fn resource(&self) -> Value {
        let patterns = [
            "*",
            "arn:aws:cognito-idp:*:*:userpool/*",
            "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_A",
            "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_?",
            "arn:aws:cognito-idp:*:userpool/us-east-1_B:*",
            "arn:aws:cognito-idp:us-east-1:000000000000:userpool/${aws:PrincipalTag/pool}",
            "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_${aws:username, 'A'}",
            "arn:aws:cognito-idp:us-east-1:000000000000:userpool/${*}",
        ];
        self.one(&patterns).into()
    }

    fn text(&self) -> Value {
        let texts =
            ["A", "B", "a", "b", "*", "?", "A*", "us-east-1_A", "${aws:username}", "${*}", "${aws:userid, 'B'}"];
        self.one(&texts).into()
    }

    fn condition(&self) -> (String, &'static str, Value) {
        let texts = ["aws:username", "aws:UserAgent", "aws:PrincipalTag/pool", "AWS:RESOURCETAG/Pool", "aws:TagKeys"];
        let (names, key, value): (&[&str], &str, Value) = match self.below(7) {
            0 | 1 => (
                &["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"],
                self.one(&texts),
                self.some(|| self.text()),
            ),
            2 => (&["StringLike", "StringNotLike"], self.one(&texts), self.some(|| self.text())),
            3 => (
                &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
                "aws:PrincipalArn",
                self.some(|| {
                    self.one(&["*", "arn:aws:iam::*:user/*", "arn:aws:iam::0:user/${aws:username}", "arn:*:*:*:*:x"])
                        .into()
                }),
            ),
            4 => (
                &["IpAddress", "NotIpAddress"],
                "aws:SourceIp",
                self.some(|| self.one(&["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "192.0.2.128/25"]).into()),
            ),
            5 => (
                &["Bool"],
                self.one(&["aws:SecureTransport", "aws:MultiFactorAuthPresent"]),
                self.some(|| [json!(true), json!("false"), json!("True")][self.below(3)].clone()),
            ),
            _ => {
                let numeric = self.chance(5);
                let order = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
                let value = match numeric {
                    true => self.some(|| [json!(9), json!("10"), json!(10.5), json!(11)][self.below(4)].clone()),
                    false => self.some(|| self.one(&["2026-01-07", "2026-01-07T05:06:09Z", "1767762369"]).into()),
                };
                let (kind, key) = if numeric { ("Numeric", "aws:EpochTime") } else { ("Date", "aws:CurrentTime") };
                return (self.operator(&format!("{kind}{}", self.one(&order))), key, value);
            }
        };
        if self.chance(1) {
            return (
                "Null".to_owned(),
                self.one(&texts),
                self.some(|| [json!(true), json!("false")][self.below(2)].clone()),
            );
        }
        (self.operator(self.one(names)), self.known(key), value)
    }

    fn known(&self, key: &str) -> &'static str {
        const KEYS: [&str; 9] = [
            "aws:username",
            "aws:UserAgent",
            "aws:PrincipalTag/pool",
            "AWS:RESOURCETAG/Pool",
            "aws:TagKeys",
            "aws:PrincipalArn",
            "aws:SourceIp",
            "aws:SecureTransport",
            "aws:MultiFactorAuthPresent",
        ];
        KEYS.into_iter().find(|known| *known == key).unwrap()
    }

    fn operator(&self, name: &str) -> String {
        let prefix = if self.chance(3) { self.one(&["ForAnyValue:", "ForAllValues:"]) } else { "" };
        let suffix = if self.chance(2) { "IfExists" } else { "" };
        format!("{prefix}{name}{suffix}")
    }

    fn statement(&self) -> Value {
        let mut statement = Map::new();
        statement.insert("Effect".into(), if self.chance(3) { "Deny" } else { "Allow" }.into());
        let actions = if self.chance(8) { "Action" } else { "NotAction" };
        statement.insert(actions.into(), self.some(|| self.action()));
        let resources = if self.chance(8) { "Resource" } else { "NotResource" };
        statement.insert(resources.into(), self.some(|| self.resource()));
        if self.chance(6) {
            let mut conditions: Map<String, Value> = Map::new();
            for _ in 0..=self.below(2) {
                let (operator, key, value) = self.condition();
                conditions.insert(operator, json!({key: value}));
            }
            statement.insert("Condition".into(), conditions.into());
        }
        statement.into()
    }

    fn document(&self) -> Value {
        let mut document = Map::new();
        match self.below(10) {
            0 => {}
            1 => drop(document.insert("Version".into(), "2008-10-17".into())),
            _ => drop(document.insert("Version".into(), "2012-10-17".into())),
        }
        let statements =
            if self.chance(3) { self.statement() } else { (0..=self.below(3)).map(|_| self.statement()).collect() };
        document.insert("Statement".into(), statements);
        document.into()
    }

    fn facts(&self) -> Facts {
        let mut facts = Facts::new();
        let mut put = |key: &str, values: &[&str]| {
            if self.chance(7) {
                facts.insert(key.to_owned(), vec![self.one(values).to_owned()]);
            }
        };
        put("aws:username", &["A", "B", "a", "*"]);
        put("aws:userid", &["A", "b"]);
        put("aws:useragent", &["A", "B", "AB", "?", "${aws:username}"]);
        put("aws:principaltag/pool", &["us-east-1_A", "us-east-1_B", "us-east-1_*", "A"]);
        put("aws:resourcetag/pool", &["us-east-1_A", "A", "b"]);
        put(
            "aws:principalarn",
            &["arn:aws:iam::0:user/A", "arn:aws:sts::0:assumed-role/A/b", "arn:aws:iam::0:user/x:y"],
        );
        put("aws:sourceip", &["10.1.2.3", "10.200.0.1", "192.0.2.200", "192.0.2.1", "::ffff:10.1.2.3"]);
        put("aws:securetransport", &["true", "false"]);
        put("aws:multifactorauthpresent", &["true"]);
        put("aws:epochtime", &["9", "10", "10.5", "11"]);
        put("aws:currenttime", &["2026-01-07T00:00:00Z", "2026-01-07T05:06:09Z", "2026-01-08T00:00:00Z"]);
        if self.chance(7) {
            let values = (0..=self.below(3)).map(|_| self.one(&["A", "B", "a", "b"]).to_owned()).collect();
            facts.insert("aws:tagkeys".to_owned(), values);
        }
        facts
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap())
}

#[test]
fn both_evaluators_agree() {
    let (pairs, seed) = (number("COGNATE_POLICY_PAIRS", 120_000), number("COGNATE_POLICY_SEED", 20_260_107));
    let draw = Draw(Rng::seeded(seed));
    let resources = [
        "*",
        "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_A",
        "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_B",
        "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_*",
    ];
    let actions = ["cognito-idp:AdminGetUser", "cognito-idp:ListUserPools", "cognito-idp:DeleteUserPool"];
    let mut outcomes = [0_u64; 3];
    for pair in 0..pairs {
        let documents: Vec<Value> = (0..=draw.below(2)).map(|_| draw.document()).collect();
        let (action, resource, facts) = (draw.one(&actions), draw.one(&resources), draw.facts());
        let mut context = Context::default();
        for (key, values) in &facts {
            context.set_all(key, values.clone());
        }
        let parse = |document: &Value| Policy::parse(&document.to_string()).map_err(|it| format!("{it}: {document}"));
        let policies: Vec<Policy> = documents.iter().map(|document| parse(document).unwrap()).collect();
        let named = policies.iter().map(|policy| ("policy", policy));
        let ours = outcome(&decide(named, &Request { action, resource, context: &context }));
        let theirs = oracle::decide(&documents, action, resource, &facts);
        assert_eq!(ours, theirs, "pair {pair} of seed {seed}: {action} on {resource}, {facts:?}: {documents:#?}");
        outcomes[ours as usize] += 1;
    }
    let shares = outcomes.map(|count| count * 100 / pairs);
    println!("{pairs} pairs: allowed, denied, denied by default in percent: {shares:?}");
    assert!(shares.iter().all(|share| *share >= 10), "too seldom for a test: {shares:?}");
    assert_eq!(Outcome::DeniedByDefault as usize, 2);
}
