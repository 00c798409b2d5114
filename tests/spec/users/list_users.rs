//! `ListUsers`.

use std::collections::BTreeMap;
use std::time::Duration;

use cognate::api::{self, alias_attribute, user_status, username_attribute};
use cognate::domain::ids::{PoolId, Sub};
use cognate::store::records::{User, UserStatus};
use cognate::store::{Batch, Owner, UserKey};

use crate::pools::timestamp;
use crate::spec;
use crate::support::fixtures::{TestClient, attribute};
use crate::support::seed;
use crate::support::{Refusal, World, refusal};

fn request(pool: &str) -> api::ListUsersRequest {
    api::ListUsersRequest { user_pool_id: Some(pool.to_owned()), ..Default::default() }
}

fn filtered(pool: &str, filter: &str) -> api::ListUsersRequest {
    api::ListUsersRequest { filter: Some(filter.to_owned()), ..request(pool) }
}

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

fn usernames(users: &[api::User]) -> Vec<&str> {
    users.iter().map(api::User::username).collect()
}

/// Every page of a list.
async fn pages(world: &World, request: api::ListUsersRequest) -> Vec<Vec<String>> {
    let (mut pages, mut pagination_token) = (Vec::new(), request.pagination_token.clone());
    loop {
        let page = world.call(api::ListUsersRequest { pagination_token, ..request.clone() }).await.unwrap();
        pages.push(usernames(&page.users).into_iter().map(str::to_owned).collect());
        pagination_token = page.pagination_token;
        if pagination_token.is_none() {
            return pages;
        }
    }
}

/// The names of all whom a filter finds.
async fn found(world: &World, pool: &str, filter: &str) -> Vec<String> {
    pages(world, filtered(pool, filter)).await.concat()
}

/// Puts so many users straight into the store: signing up, each would cost a hash.
async fn seed_users(world: &World, pool: &str, numbers: std::ops::Range<u64>) {
    let mut batch = Batch::default();
    for number in numbers {
        seed::put(&mut batch, &PoolId(pool.to_owned()), number, UserStatus::Confirmed, "");
    }
    world.app.services.store.commit(batch).await.unwrap();
}

/// Changes a user's record as no operation does.
async fn change(world: &World, pool: &str, sub: &str, changed: impl FnOnce(User) -> User) {
    let store = &*world.app.services.store;
    let key = UserKey { owner: Owner { pool: PoolId(pool.to_owned()), sub: Sub::parse(sub).unwrap() } };
    let record = store.read(&key).await.unwrap().unwrap().record;
    let mut batch = Batch::default();
    batch.put(&key, &changed(record));
    store.commit(batch).await.unwrap();
}

spec! {
    async fn a_user_is_listed_as_operators_see_it(world: World) {
        let client = world.app_client().await;
        assert_eq!(world.call(request(&client.pool)).await, Ok(Default::default()));
        world.advance(Duration::from_millis(1_022));
        let sub = world.sign_up(&client, "alice").await.user_sub;
        let created = world.now();
        world.advance(Duration::from_millis(60_001));
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        let alice = api::User {
            username: Some("alice".to_owned()),
            attributes: vec![
                attribute("sub", &sub),
                attribute("email", "alice@example.com"),
                attribute("email_verified", "true"),
            ],
            user_create_date: timestamp(created),
            user_last_modified_date: timestamp(world.now()),
            enabled: Some(true),
            user_status: Some(user_status::Value::Confirmed.into()),
            ..Default::default()
        };
        let expected = api::ListUsersResponse { users: vec![alice], pagination_token: None };
        assert_eq!(world.call(request(&client.pool)).await, Ok(expected));
        world.sign_up(&client, "bob").await;
        world.disable(&client.pool, "bob").await;
        let listed = world.call(request(&client.pool)).await.unwrap().users;
        let bob = listed.iter().find(|user| user.username() == "bob").unwrap();
        assert_eq!((bob.enabled, bob.user_status()), (Some(false), user_status::Value::Unconfirmed));
        let other_pool = world.pool(|_| {}).await;
        assert_eq!(world.call(request(&other_pool)).await, Ok(Default::default()));
    }
}

spec! {
    async fn pages_of_every_size_give_each_user_once_and_the_last_has_no_token(world: World) {
        let pool = world.pool(|_| {}).await;
        seed_users(&world, &pool, 0..5).await;
        let all: Vec<String> = (0..5).map(seed::name).collect();
        for size in 1..=6 {
            let limit = Some(i32::try_from(size).unwrap());
            for filter in [None, Some("email ^= \"seeded\"".to_owned())] {
                let listed = pages(&world, api::ListUsersRequest { limit, filter, ..request(&pool) }).await;
                let expected: Vec<_> = all.chunks(size).map(<[_]>::to_vec).collect();
                assert_eq!(listed, expected, "in pages of {size}");
            }
        }
    }
}

spec! {
    async fn more_than_a_thousand_users_are_listed_sixty_at_a_time_unless_the_caller_wants_fewer(world: World) {
        const USERS: u64 = 1_003;
        let pool = world.pool(|_| {}).await;
        seed_users(&world, &pool, 0..USERS).await;
        let all: Vec<String> = (0..USERS).map(seed::name).collect();
        for limit in [None, Some(0), Some(60)] {
            let listed = pages(&world, api::ListUsersRequest { limit, ..request(&pool) }).await;
            assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [vec![60; 16], vec![43]].concat(), "{limit:?}");
            assert_eq!(listed.concat(), all);
        }
        let limit = Some(7);
        assert_eq!(pages(&world, api::ListUsersRequest { limit, ..request(&pool) }).await.concat(), all);
        let limit = Some(60);
        let every = api::ListUsersRequest { limit, ..filtered(&pool, "status = \"Enabled\"") };
        assert_eq!(pages(&world, every).await.concat(), all);
    }
}

spec! {
    async fn whoever_is_there_all_the_time_is_listed_once_whatever_comes_and_goes(world: World) {
        let client = world.app_client().await;
        let lasting: Vec<String> = (0..200).step_by(2).map(seed::name).collect();
        for number in (0..200).step_by(2) {
            seed_users(&world, &client.pool, number..number + 1).await;
        }
        let (mut listed, mut pagination_token, mut number) = (Vec::new(), None, 0);
        loop {
            let asked = api::ListUsersRequest { limit: Some(7), pagination_token, ..request(&client.pool) };
            let page = world.call(asked).await.unwrap();
            listed.extend(page.users.iter().map(|user| user.username().to_owned()));
            pagination_token = page.pagination_token;
            if pagination_token.is_none() {
                break;
            }
            // Between pages others come, some of them before the place of the next page and some after it, and those of the
            // last time go, whether they were listed or not.
            for offset in [1, 61, 121, 181] {
                if number > 0 {
                    world.delete_user(&client.pool, &seed::name(offset + number - 2)).await.unwrap();
                }
                seed_users(&world, &client.pool, offset + number..offset + number + 1).await;
            }
            number = (number + 2) % 18;
            if number == 0 {
                for offset in [1, 61, 121, 181] {
                    world.delete_user(&client.pool, &seed::name(offset + 16)).await.unwrap();
                }
            }
        }
        let seen: Vec<String> = listed.iter().filter(|name| lasting.contains(name)).cloned().collect();
        assert_eq!(seen, lasting);
        assert!(listed.len() > lasting.len(), "somebody else was seen too");
    }
}

spec! {
    async fn a_token_keeps_its_place_when_the_user_who_ends_its_page_goes(world: World) {
        let client = world.app_client().await;
        seed_users(&world, &client.pool, 0..6).await;
        let first = world.call(api::ListUsersRequest { limit: Some(3), ..request(&client.pool) }).await.unwrap();
        for number in [2, 3] {
            world.delete_user(&client.pool, &seed::name(number)).await.unwrap();
        }
        let pagination_token = first.pagination_token;
        let rest = pages(&world, api::ListUsersRequest { pagination_token, ..request(&client.pool) }).await;
        assert_eq!(rest.concat(), [seed::name(4), seed::name(5)]);
    }
}

spec! {
    async fn a_token_serves_for_the_pool_and_filter_that_it_was_given_for_alone(world: World) {
        let (pool, other_pool) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        for pool in [&pool, &other_pool] {
            seed_users(&world, pool, 0..3).await;
        }
        let asked = api::ListUsersRequest { limit: Some(1), ..filtered(&pool, "email ^= \"seeded\"") };
        let token = world.call(asked.clone()).await.unwrap().pagination_token;
        let unfiltered = api::ListUsersRequest { limit: Some(1), ..request(&pool) };
        let unfiltered_token = world.call(unfiltered.clone()).await.unwrap().pagination_token;
        let refused = Err(invalid("Invalid pagination token given."));
        let with = |request: &api::ListUsersRequest, token: &Option<String>| {
            let pagination_token = token.clone();
            world.call(api::ListUsersRequest { pagination_token, ..request.clone() })
        };
        for (request, token) in [
            (filtered(&other_pool, "email ^= \"seeded\""), &token),
            (filtered(&pool, "email ^= \"seede\""), &token),
            (filtered(&pool, "username ^= \"seeded\""), &token),
            (request(&pool), &token),
            (asked.clone(), &unfiltered_token),
            (request(&other_pool), &unfiltered_token),
        ] {
            assert_eq!(with(&request, token).await, refused, "{:?}", request.filter);
        }
        let text = token.clone().unwrap();
        let changed = format!("{}{}", &text[1..], &text[..1]);
        for forged in ["!", "AAAA", "c2VlZGVkLTAwMDAwMDA", &changed, &text[1..]] {
            assert_eq!(with(&asked, &Some(forged.to_owned())).await, refused, "{forged}");
        }
        // Neither how the filter is spaced nor how many are wanted makes another list.
        let again = api::ListUsersRequest { limit: Some(2), ..filtered(&pool, " email^=\"seeded\"") };
        let page = with(&again, &token).await.unwrap();
        assert_eq!(usernames(&page.users), [seed::name(1), seed::name(2)]);
        assert_eq!(with(&unfiltered, &unfiltered_token).await.unwrap().users.len(), 1);
    }
}

spec! {
    async fn a_token_tells_no_name_and_outlives_a_restart(world: World) {
        let pool = world.pool(|_| {}).await;
        seed_users(&world, &pool, 0..3).await;
        let first = world.call(api::ListUsersRequest { limit: Some(1), ..request(&pool) }).await.unwrap();
        let token = first.pagination_token.clone().unwrap();
        assert!(!token.contains("seeded") && !token.contains("c2VlZGVk"), "{token}");
        let world = world.restarted().await;
        let rest = pages(&world, api::ListUsersRequest { pagination_token: Some(token), ..request(&pool) }).await;
        assert_eq!(rest.concat(), [seed::name(1), seed::name(2)]);
    }
}

spec! {
    async fn only_the_attributes_that_are_asked_for_are_returned(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let listed = async |names: &[&str]| {
            let attributes_to_get = names.iter().map(ToString::to_string).collect();
            let page = world.call(api::ListUsersRequest { attributes_to_get, ..request(&client.pool) }).await?;
            assert_eq!((page.users.len(), page.users[0].username()), (1, "alice"));
            Ok(page.users.into_iter().next().unwrap().attributes)
        };
        let email = attribute("email", "alice@example.com");
        assert_eq!(listed(&["email"]).await, Ok(vec![email.clone()]));
        assert_eq!(listed(&["email", "sub", "email"]).await, Ok(vec![attribute("sub", &sub), email.clone()]));
        assert_eq!(listed(&["nickname"]).await, Ok(vec![]));
        assert_eq!(listed(&["email", "nickname", "phone_number"]).await, Ok(vec![email]));
        assert_eq!(listed(&[]).await.unwrap().len(), 3);
        for unknown in ["custom:none", "username", "Email"] {
            let refused = Err(invalid("One or more requested attributes do not exist."));
            assert_eq!(listed(&["email", unknown]).await, refused, "{unknown}");
        }
    }
}

spec! {
    async fn each_searchable_attribute_finds_those_who_have_the_value(world: World) {
        let client = world.app_client().await;
        let mut subs = BTreeMap::new();
        for name in ["Alice", "alina", "bob"] {
            subs.insert(name, world.confirmed_user(&client, name).await);
        }
        let attributes = [
            ("name", "Alice \"Al\" \\ Liddell"),
            ("given_name", "Alice"),
            ("family_name", "Liddell"),
            ("phone_number", "+15555550100"),
            ("preferred_username", "al"),
        ];
        world.update_attributes(&client.pool, "Alice", &attributes).await.unwrap();
        world.update_attributes(&client.pool, "alina", &[("family_name", "Lidl")]).await.unwrap();
        let sub = format!("sub = \"{}\"", subs["Alice"]);
        let upper_case_sub = format!("sub = \"{}\"", subs["Alice"].to_uppercase());
        let beginning_of_sub = format!("sub ^= \"{}\"", &subs["Alice"][..20]);
        let cases: [(&str, &[&str]); 25] = [
            ("", &["Alice", "alina", "bob"]),
            (r#"username = "Alice""#, &["Alice"]),
            (r#"username = "alice""#, &[]),
            (r#"username = "Ali""#, &[]),
            (r#"username ^= "Ali""#, &["Alice"]),
            (r#"username ^= "ali""#, &["alina"]),
            (r#"username ^= """#, &["Alice", "alina", "bob"]),
            (&sub, &["Alice"]),
            (&upper_case_sub, &[]),
            (&beginning_of_sub, &["Alice"]),
            (r#"sub = "nonsense""#, &[]),
            (r#"email = "bob@example.com""#, &["bob"]),
            (r#"email ^= "al""#, &["alina"]),
            (r#"email ^= "Al""#, &["Alice"]),
            (r#"phone_number = "+15555550100""#, &["Alice"]),
            (r#"phone_number ^= "+1555""#, &["Alice"]),
            (r#"name = "Alice \"Al\" \\ Liddell""#, &["Alice"]),
            (r#"name ^= "Alice \"""#, &["Alice"]),
            (r#"given_name = "Alice""#, &["Alice"]),
            (r#"family_name ^= "Lid""#, &["Alice", "alina"]),
            (r#"family_name = "Lid""#, &[]),
            (r#"preferred_username = "al""#, &["Alice"]),
            (r#"preferred_username ^= "a""#, &["Alice"]),
            (r#"given_name = """#, &[]),
            (r#"name = "Nobody""#, &[]),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(&world, &client.pool, filter).await, expected, "{filter}");
        }
    }
}

spec! {
    async fn users_are_found_by_their_status_and_by_whether_they_are_enabled(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "unconfirmed").await;
        world.confirmed_user(&client, "confirmed").await;
        for (name, status) in [("invited", UserStatus::ForceChangePassword), ("reset", UserStatus::ResetRequired)] {
            let sub = world.confirmed_user(&client, name).await;
            change(&world, &client.pool, &sub, |user| User { status: status.into(), ..user }).await;
        }
        world.disable(&client.pool, "confirmed").await;
        let cases: [(&str, &[&str]); 12] = [
            (r#"cognito:user_status = "UNCONFIRMED""#, &["unconfirmed"]),
            (r#"cognito:user_status = "CONFIRMED""#, &["confirmed"]),
            (r#"cognito:user_status = "confirmed""#, &["confirmed"]),
            (r#"cognito:user_status = "FORCE_CHANGE_PASSWORD""#, &["invited"]),
            (r#"cognito:user_status = "Reset_Required""#, &["reset"]),
            (r#"cognito:user_status ^= "force""#, &["invited"]),
            (r#"cognito:user_status = "ARCHIVED""#, &[]),
            (r#"status = "Enabled""#, &["invited", "reset", "unconfirmed"]),
            (r#"status = "Disabled""#, &["confirmed"]),
            (r#"status = "disabled""#, &[]),
            (r#"status ^= "Dis""#, &["confirmed"]),
            (r#"status = "CONFIRMED""#, &[]),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(&world, &client.pool, filter).await, expected, "{filter}");
        }
        let page = world.call(filtered(&client.pool, r#"cognito:user_status ^= "F""#)).await.unwrap();
        assert_eq!(page.users[0].user_status(), user_status::Value::ForceChangePassword);
    }
}

spec! {
    async fn a_filter_that_cannot_be_read_or_answered_is_refused(world: World) {
        let pool = world.pool(|_| {}).await;
        let cases = [
            ("email", "Error while parsing filter"),
            (" ", "Error while parsing filter"),
            ("email = alice", "Error while parsing filter"),
            (r#"email = "a" and name = "b""#, "Error while parsing filter"),
            (r#"email = "a"#, "Error while parsing filter"),
            (r#"custom:foo = "x""#, "Invalid search attribute: custom:foo"),
            (r#"nickname = "x""#, "Invalid search attribute: nickname"),
            (r#"email_verified = "true""#, "Invalid search attribute: email_verified"),
        ];
        for (filter, message) in cases {
            assert_eq!(world.call(filtered(&pool, filter)).await, Err(invalid(message)), "{filter}");
        }
    }
}

spec! {
    async fn names_and_addresses_that_are_unique_are_found_without_looking_at_everybody(world: World) {
        const MORE_THAN_ONE_REQUEST_LOOKS_AT: u64 = 2_100;
        let by_email = world.pool(|request| {
            request.username_attributes = vec![username_attribute::Value::Email.into()];
        }).await;
        let by_alias = world.pool(|request| {
            request.alias_attributes = vec![alias_attribute::Value::PreferredUsername.into()];
        }).await;
        for pool in [&by_email, &by_alias] {
            seed_users(&world, pool, 0..MORE_THAN_ONE_REQUEST_LOOKS_AT).await;
        }
        let client = world.client(&by_email, |_| {}).await;
        let request = api::SignUpRequest { user_attributes: vec![], ..client.sign_up_request("zoe@example.com") };
        let zoe = world.call(request).await.unwrap().user_sub;
        // Her name in the list is her `sub`; the first that is found here is found by an index.
        for filter in ["email = \"zoe@example.com\"", &format!("username = \"{zoe}\""), &format!("sub = \"{zoe}\"")] {
            let page = world.call(filtered(&by_email, filter)).await.unwrap();
            assert_eq!((usernames(&page.users), page.pagination_token), (vec![zoe.as_str()], None), "{filter}");
        }
        let client = world.client(&by_alias, |_| {}).await;
        world.confirmed_user(&client, "zoe").await;
        world.update_attributes(&by_alias, "zoe", &[("preferred_username", "zz")]).await.unwrap();
        for filter in ["username = \"zoe\"", "username ^= \"zo\"", "preferred_username = \"zz\""] {
            let page = world.call(filtered(&by_alias, filter)).await.unwrap();
            assert_eq!((usernames(&page.users), page.pagination_token), (vec!["zoe"], None), "{filter}");
        }
        for filter in ["username = \"zo\"", "preferred_username = \"z\"", "email = \"zoe@example.com\""] {
            let page = world.call(filtered(&by_alias, filter)).await.unwrap();
            assert_eq!(page.users, [], "{filter}");
            assert_eq!(page.pagination_token.is_some(), filter.starts_with("email"), "{filter}");
        }
    }
}

spec! {
    async fn one_request_looks_at_so_many_users_and_the_next_goes_on(world: World) {
        let pool = world.pool(|_| {}).await;
        for thousand in 0..5 {
            seed_users(&world, &pool, thousand * 1_000..(thousand + 1) * 1_000).await;
        }
        let wanted = seed::sub(4_321).to_string();
        change(&world, &pool, &wanted, |user| User { enabled: false, ..user }).await;
        let listed = pages(&world, filtered(&pool, "status = \"Disabled\"")).await;
        assert_eq!(listed, [vec![], vec![], vec![seed::name(4_321)]]);
    }
}

spec! {
    async fn an_address_that_several_have_finds_all_of_them_verified_or_not(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let user_attributes = vec![attribute("email", "alice@example.com")];
        world.call(api::SignUpRequest { user_attributes, ..client.sign_up_request("mallory") }).await.unwrap();
        assert_eq!(found(&world, &pool, "email = \"alice@example.com\"").await, ["alice", "mallory"]);
    }
}

spec! {
    async fn where_case_does_not_tell_names_apart_a_filter_asks_for_the_same_letters_still(world: World) {
        let pool = world.pool(|request| {
            request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
        }).await;
        let client = world.client(&pool, |_| {}).await;
        for name in ["Alice", "alina", "ΑΣΑ"] {
            let user_attributes = vec![];
            let request = api::SignUpRequest { user_attributes, ..client.sign_up_request(name) };
            world.call(request).await.unwrap();
        }
        let cases: [(&str, &[&str]); 6] = [
            (r#"username = "Alice""#, &["Alice"]),
            (r#"username = "alice""#, &[]),
            (r#"username ^= "Al""#, &["Alice"]),
            (r#"username ^= "al""#, &["alina"]),
            // In lower case the last letter would be another one.
            (r#"username ^= "ΑΣ""#, &["ΑΣΑ"]),
            (r#"username ^= "ας""#, &[]),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(&world, &pool, filter).await, expected, "{filter}");
        }
    }
}

spec! {
    async fn members_have_bounds_and_a_pool_must_be_there(world: World) {
        let pool = world.pool(|_| {}).await;
        let limited = |limit| api::ListUsersRequest { limit: Some(limit), ..request(&pool) };
        assert_eq!(
            world.call(limited(-1)).await,
            Err(invalid(
                "1 validation error detected: Value '-1' at 'limit' failed to satisfy constraint: Member must have value \
                 greater than or equal to 0"
            ))
        );
        assert_eq!(
            world.call(limited(61)).await,
            Err(invalid(
                "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: Member must have value \
                 less than or equal to 60"
            ))
        );
        let long = format!("email = \"{}\"", "x".repeat(247));
        assert_eq!(
            world.call(filtered(&pool, &long)).await,
            Err(invalid(&format!(
                "1 validation error detected: Value '{long}' at 'filter' failed to satisfy constraint: Member must have \
                 length less than or equal to 256"
            )))
        );
        assert_eq!(world.call(filtered(&pool, &long.replacen('x', "", 1))).await, Ok(Default::default()));
        assert_eq!(
            world.call(api::ListUsersRequest::default()).await,
            Err(invalid(
                "1 validation error detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be \
                 null"
            ))
        );
        assert_eq!(
            world.call(request("us-east-1_Nowhere12")).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn the_audit_trail_tells_of_no_filter(world: World) {
        let client: TestClient = world.app_client().await;
        world.call(filtered(&client.pool, "email = \"alice@example.com\"")).await.unwrap();
        let long = format!("email = \"alice@example.com{}\"", "x".repeat(250));
        world.call(filtered(&client.pool, &long)).await.unwrap_err();
        let trail = world.audit().await;
        let listed: Vec<_> = trail.iter().filter(|record| record["eventName"] == "ListUsers").collect();
        assert_eq!(listed.len(), 2);
        for record in listed {
            assert_eq!(record["requestParameters"]["filter"], "HIDDEN_DUE_TO_SECURITY_REASONS", "{record}");
            assert!(!record.to_string().contains("alice"), "{record}");
        }
    }
}
