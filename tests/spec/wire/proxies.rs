//! Who calls where proxies stand between: for limits, the audit trail and policies alike.

use cognate::api::{self, Op};
use cognate::domain::forwarded::ForwardedHeader;
use ipnet::IpNet;
use serde_json::json;

use super::rates::{behind_a_proxy, call_with, passes};
use crate::support::{Credential, START, Wire, World};

const WIRES: [Wire; 2] = [Wire::Grpc, Wire::Json];

const FOR: &str = "x-forwarded-for";

/// The addresses that the audit trail names as those of sign-ups' and passwords' callers, in order.
async fn written(world: World) -> Vec<String> {
    let trail = world.audit().await;
    let open = trail.iter().filter(|line| line["eventName"] == "ForgotPassword");
    open.map(|line| line["sourceIPAddress"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_trusted_proxies_the_headers_are_ignored() {
    for wire in WIRES {
        for trusted in [&[][..], &["192.0.2.0/24", "::/0"]] {
            let world = World::at(wire, START.parse().unwrap(), |config| {
                config.trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
                (config.address_requests_per_minute, config.address_requests_burst) = (1, 2);
                config.limit_loopback = true;
            });
            let world = world.await;
            let client = world.app_client().await;
            let forged: [&[(&'static str, &str)]; 4] = [
                &[(FOR, "198.51.100.7")],
                &[(FOR, "198.51.100.8"), ("forwarded", "for=198.51.100.8"), ("x-real-ip", "198.51.100.8")],
                &[("forwarded", "for=198.51.100.9")],
                &[(FOR, "rubbish")],
            ];
            for (attempt, forged) in forged.into_iter().enumerate() {
                assert_eq!(passes(&world, &client, forged).await, attempt < 2, "{forged:?}");
            }
            assert_eq!(written(world).await, ["127.0.0.1", "127.0.0.1"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_most_address_that_is_no_proxys_is_counted_and_written_down() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            config.trusted_proxies.extend(["10.0.0.0/8", "2001:db8:ffff::/48"].map(|it| it.parse::<IpNet>().unwrap()));
            (config.address_requests_per_minute, config.address_requests_burst) = (1, 1);
        });
        let world = world.await;
        let client = world.app_client().await;
        let calls: [(&[(&'static str, &str)], bool); 9] = [
            (&[(FOR, "198.51.100.7")], true),
            // What its caller makes up changes nothing.
            (&[(FOR, "203.0.113.1, 198.51.100.7")], false),
            (&[(FOR, "127.0.0.1"), (FOR, "198.51.100.7")], false),
            (&[(FOR, "198.51.100.7"), ("forwarded", "for=203.0.113.2")], false),
            // Several hops, over both protocols.
            (&[(FOR, "198.51.100.8, 10.1.2.3, 2001:db8:ffff::1")], true),
            (&[(FOR, "198.51.100.8:4711, 10.1.2.3")], false),
            (&[(FOR, "2001:db8::7"), (FOR, "10.1.2.3")], true),
            (&[(FOR, "2001:db8::8")], false),
            (&[(FOR, "[2001:db8:0:1::8]:443")], true),
        ];
        for (forwarded, passed) in calls {
            assert_eq!(passes(&world, &client, forwarded).await, passed, "{forwarded:?}");
        }
        assert_eq!(written(world).await, ["198.51.100.7", "198.51.100.8", "2001:db8::7", "2001:db8:0:1::8"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_standard_header_is_read_instead_where_the_proxies_write_it() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            config.forwarded_header = ForwardedHeader::Forwarded;
            (config.address_requests_per_minute, config.address_requests_burst) = (1, 1);
        });
        let world = world.await;
        let client = world.app_client().await;
        let calls: [(&[(&'static str, &str)], bool); 4] = [
            (&[("forwarded", "for=203.0.113.1, For=\"[2001:db8::7]:4711\";proto=https, for=127.0.0.2")], true),
            (&[("forwarded", "for=\"[2001:db8::7]\""), (FOR, "203.0.113.1")], false),
            (&[("forwarded", "for=198.51.100.7;by=127.0.0.1")], true),
            // It is the only one that is read.
            (&[(FOR, "198.51.100.8")], true),
        ];
        for (forwarded, passed) in calls {
            assert_eq!(passes(&world, &client, forwarded).await, passed, "{forwarded:?}");
        }
        assert_eq!(written(world).await, ["2001:db8::7", "198.51.100.7", "127.0.0.1"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_proxy_does_not_say_for_whom_it_asks_the_request_is_its_own() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            (config.address_requests_per_minute, config.address_requests_burst) = (1, 2);
            config.limit_loopback = true;
        });
        let world = world.await;
        let client = world.app_client().await;
        for (attempt, odd) in ["unknown", "198.51.100.7, ", "198.51.100.300", "_hidden"].into_iter().enumerate() {
            assert_eq!(passes(&world, &client, &[(FOR, odd)]).await, attempt < 2, "{odd}");
        }
        assert!(passes(&world, &client, &[(FOR, "unknown, 198.51.100.7")]).await, "others are not held up by it");
        assert_eq!(written(world).await, ["127.0.0.1", "127.0.0.1", "198.51.100.7"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_on_addresses_judges_the_callers_and_never_the_proxys_in_its_place() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |_| {}).await;
        let pool = world.pool(|_| {}).await;
        let allowed = |network: &str| {
            let condition = json!({"IpAddress": {"aws:SourceIp": network}});
            let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
            json!({"Version": "2012-10-17", "Statement": statement}).to_string()
        };
        let office = Credential::AccessKey(world.principal("office", &allowed("198.51.100.0/24")));
        let inside = Credential::AccessKey(world.principal("inside", &allowed("127.0.0.0/8")));
        for (credential, forwarded, is_allowed) in [
            (&office, Some("198.51.100.7"), true),
            (&office, Some("203.0.113.1, 198.51.100.8"), true),
            (&office, Some("198.51.100.7, 203.0.113.1"), false),
            (&office, None, false),
            (&inside, None, true),
            (&inside, Some("127.0.0.9"), true),
            (&inside, Some("198.51.100.7"), false),
            // Nobody gets in by writing what cannot be read.
            (&inside, Some("unknown"), false),
            (&inside, Some("127.0.0.1, "), false),
        ] {
            let request = api::DescribeUserPoolRequest { user_pool_id: Some(pool.clone()) };
            let forwarded: Vec<_> = forwarded.map(|value| (FOR, value)).into_iter().collect();
            let answer = call_with(&world, Op::DescribeUserPool, credential, &forwarded, request).await;
            let is_denied = answer.as_ref().is_err_and(|(refused, _)| refused.exception == "AccessDeniedException");
            assert_eq!((answer.is_ok(), is_denied), (is_allowed, !is_allowed), "{forwarded:?}: {answer:?}");
        }
    }
}
