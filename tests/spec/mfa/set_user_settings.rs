//! `SetUserSettings`.

use cognate::api::delivery_medium::Value as Medium;
use cognate::api::{self, Op};
use serde_json::json;

use super::{ALL, alice_of, factors_of, on, prefer, registered, without_means_for};
use crate::account::{asks_for_a_token_that_stands, invalid, update};
use crate::spec;
use crate::support::fixtures::SecondFactor;
use crate::support::{Refusal, Wire, World};
use crate::wire::post_json;

pub fn option(medium: Option<Medium>, attribute: Option<&str>) -> api::MfaOption {
    api::MfaOption { delivery_medium: medium.map(i32::from), attribute_name: attribute.map(str::to_owned) }
}

pub fn sms() -> api::MfaOption {
    option(Some(Medium::Sms), Some("phone_number"))
}

async fn set(world: &World, access_token: &str, options: &[api::MfaOption]) -> Result<(), Refusal> {
    let (access_token, mfa_options) = (Some(access_token.to_owned()), options.to_vec());
    world.call(api::SetUserSettingsRequest { access_token, mfa_options }).await.map(|_| ())
}

spec! {
    async fn text_messages_are_turned_on_by_the_list_and_off_by_an_empty_one(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        assert_eq!(set(&world, &token, &[sms()]).await, Err(without_means_for("SMS_MFA")));
        update(&world, &token, &[("phone_number", "+15555550100")]).await.unwrap();
        set(&world, &token, &[sms()]).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (None, vec!["SMS_MFA".to_owned()]));
        assert_eq!(world.get_user(&token).await.unwrap().mfa_options, [sms()]);
        set(&world, &token, &[]).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (None, vec![]));
    }
}

spec! {
    async fn other_factors_and_what_is_preferred_are_not_its_matter(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        update(&world, &token, &[("phone_number", "+15555550100")]).await.unwrap();
        registered(&world, &token).await;
        let (sms_mfa, app) = ("SMS_MFA".to_owned(), "SOFTWARE_TOKEN_MFA".to_owned());
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        set(&world, &token, &[sms()]).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (Some(app.clone()), vec![sms_mfa.clone(), app.clone()]));
        prefer(&world, &token, json!({ "SMSMfaSettings": on(true) })).await.unwrap();
        set(&world, &token, &[sms()]).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (Some(sms_mfa.clone()), vec![sms_mfa, app.clone()]));
        set(&world, &token, &[]).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (None, vec![app]));
    }
}

spec! {
    async fn nothing_but_a_text_message_to_the_phone_number_is_known(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        update(&world, &token, &[("phone_number", "+15555550100")]).await.unwrap();
        for other in [
            option(Some(Medium::Email), Some("email")),
            option(Some(Medium::Email), Some("phone_number")),
            option(Some(Medium::Sms), Some("email")),
            option(Some(Medium::Sms), None),
            option(None, Some("phone_number")),
        ] {
            for list in [vec![other.clone()], vec![sms(), other.clone()]] {
                let refused = invalid("MFAOptions takes nothing but SMS to phone_number.");
                assert_eq!(set(&world, &token, &list).await, Err(refused), "{list:?}");
            }
        }
        assert_eq!(factors_of(&world, &token).await, (None, vec![]));
    }
}

spec! {
    async fn a_pool_without_text_messages_asks_for_none(world: World) {
        let (_, token) = alice_of(&world, &[SecondFactor::SoftwareToken]).await;
        update(&world, &token, &[("phone_number", "+15555550100")]).await.unwrap();
        assert_eq!(set(&world, &token, &[sms()]).await, Err(invalid("SMS_MFA is not enabled for the user pool.")));
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        asks_for_a_token_that_stands(&world, |access_token| api::SetUserSettingsRequest {
            access_token,
            ..Default::default()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice_of(&world, &ALL).await;
    update(&world, &token, &[("phone_number", "+15555550100")]).await.unwrap();
    let body = json!({
        "AccessToken": token, "MFAOptions": [{ "DeliveryMedium": "SMS", "AttributeName": "phone_number" }],
    });
    let reply = post_json(&world, Op::SetUserSettings, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}
