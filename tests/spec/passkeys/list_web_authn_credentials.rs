//! `ListWebAuthnCredentials`.

use std::time::Duration;

use cognate::api::{self, Op};
use serde_json::json;

use super::{RELYING_PARTY, alice, client_with_passkeys, delete, passkeys, register, registered};
use crate::account::{asks_for_a_token_that_stands, invalid, signed_in};
use crate::spec;
use crate::support::passkeys::Manners;
use crate::support::{Wire, World};
use crate::wire::post_json;

/// Lists so many from where a page ended.
fn request(
    access_token: &str,
    max_results: Option<i32>,
    next_token: Option<&str>,
) -> api::ListWebAuthnCredentialsRequest {
    api::ListWebAuthnCredentialsRequest {
        access_token: Some(access_token.to_owned()),
        max_results,
        next_token: next_token.map(str::to_owned),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice(&world).await;
    let reply = post_json(&world, Op::ListWebAuthnCredentials, &json!({"AccessToken": token})).await;
    assert_eq!((reply.status, reply.json()), (200, json!({"Credentials": []})));
    let passkey = registered(&world, &token).await;
    let created_at = world.now().as_millisecond() as f64 / 1000.0;
    world.advance(Duration::from_secs(1));
    let reply = post_json(&world, Op::ListWebAuthnCredentials, &json!({"AccessToken": token})).await;
    let mut expected = json!({"Credentials": [{
        "AuthenticatorAttachment": "platform",
        "AuthenticatorTransports": ["internal"],
        "CredentialId": passkey.id_text(),
        "FriendlyCredentialName": "Passkey",
        "RelyingPartyId": RELYING_PARTY,
    }]});
    let told = reply.json();
    expected["Credentials"][0]["CreatedAt"] = told["Credentials"][0]["CreatedAt"].clone();
    assert_eq!((reply.status, &told), (200, &expected));
    assert_eq!(told["Credentials"][0]["CreatedAt"].as_f64(), Some(created_at));
}

spec! {
    async fn what_the_browser_said_is_told_as_far_as_the_standard_knows_it(world: World) {
        let (_, token) = alice(&world).await;
        let google = [0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75, 0xd4];
        let manners = Manners {
            aaguid: google,
            transports: json!(["usb", "nfc", "usb", "telepathy"]),
            attachment: json!("cross-platform"),
            ..Manners::default()
        };
        register(&world, &token, &manners).await.unwrap();
        let odd = Manners { transports: json!(null), attachment: json!("by a string"), ..Manners::default() };
        world.advance(Duration::from_secs(1));
        register(&world, &token, &odd).await.unwrap();
        let told: Vec<_> = passkeys(&world, &token)
            .await
            .into_iter()
            .map(|each| (each.friendly_credential_name, each.authenticator_transports, each.authenticator_attachment))
            .collect();
        let expected = [
            (
                "Google Password Manager".to_owned(),
                vec!["nfc".to_owned(), "usb".to_owned()],
                Some("cross-platform".to_owned()),
            ),
            ("Passkey".to_owned(), vec![], None),
        ];
        assert_eq!(told, expected);
    }
}

spec! {
    async fn pages_are_of_the_asked_size_and_the_oldest_come_first(world: World) {
        let (_, token) = alice(&world).await;
        let mut made = Vec::new();
        for number in 0..7_u64 {
            // Two of one moment are in the order of their ids.
            world.advance(Duration::from_secs(number % 2));
            let id = vec![number as u8 + 1; 16];
            made.push(register(&world, &token, &Manners { id: Some(id), ..Manners::default() }).await.unwrap().id_text());
        }
        for (limit, sizes) in [(Some(3), vec![3, 3, 1]), (Some(7), vec![7]), (Some(20), vec![7]), (Some(0), vec![7]), (None, vec![7])] {
            let (mut next, mut told, mut pages) = (None, Vec::new(), Vec::new());
            loop {
                let page = world.call(request(&token, limit, next.as_deref())).await.unwrap();
                pages.push(page.credentials.len());
                told.extend(page.credentials.into_iter().map(|each| each.credential_id));
                next = page.next_token;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!((told, pages), (made.clone(), sizes), "{limit:?}");
        }
    }
}

spec! {
    async fn a_page_goes_on_where_the_last_one_ended_whatever_was_deleted(world: World) {
        let (_, token) = alice(&world).await;
        let mut made = Vec::new();
        for _ in 0..3 {
            world.advance(Duration::from_secs(1));
            made.push(registered(&world, &token).await.id_text());
        }
        let first = world.call(request(&token, Some(1), None)).await.unwrap();
        delete(&world, &token, &made[0]).await.unwrap();
        let rest = world.call(request(&token, None, first.next_token.as_deref())).await.unwrap();
        let rest: Vec<_> = rest.credentials.into_iter().map(|each| each.credential_id).collect();
        assert_eq!(rest, made[1..]);
    }
}

spec! {
    async fn tokens_and_sizes_that_are_none_are_refused(world: World) {
        let (client, token) = alice(&world).await;
        let bobs = signed_in(&world, &client, "bob").await;
        registered(&world, &bobs).await;
        for odd in ["nonsense", "bm9uc2Vuc2U", "MTIz", "eCBBQUFB"] {
            let refused = world.call(request(&token, None, Some(odd))).await;
            assert_eq!(refused, Err(invalid("Invalid pagination token given.")), "{odd}");
        }
        let error = "1 validation error detected: Value";
        for (size, bound) in [(21, "'21' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 20"),
            (-1, "'-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0")] {
            let refused = world.call(request(&token, Some(size), None)).await;
            assert_eq!(refused, Err(invalid(&format!("{error} {bound}"))));
        }
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        client_with_passkeys(&world).await;
        asks_for_a_token_that_stands(&world, |access_token| api::ListWebAuthnCredentialsRequest {
            access_token,
            ..Default::default()
        })
        .await;
    }
}
