//! `SetUserMFAPreference`.

use std::time::Duration;

use cognate::api::{self, Op, auth_factor, delivery_medium, user_pool_mfa};
use serde_json::{Value, json};

use super::{
    ALL, alice_of, associate, client_asking_for, factors_of, means_of, off, on, prefer, registered, without_means_for,
};
use crate::account::{asks_for_a_token_that_stands, delete, invalid, signed_in, update};
use crate::spec;
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, named};
use crate::support::{Wire, World, at_once, refusal};
use crate::wire::post_json;

const PHONE_NUMBER: (&str, &str) = ("phone_number", "+15555550100");

/// Alice, with the means for every factor.
async fn alice_with_means(world: &World) -> (TestClient, String) {
    let (client, token) = alice_of(world, &ALL).await;
    update(world, &token, &[PHONE_NUMBER]).await.unwrap();
    registered(world, &token).await;
    (client, token)
}

/// The three members of these settings.
fn settings(sms: Value, software_token: Value, email: Value) -> Value {
    let members = [("SMSMfaSettings", sms), ("SoftwareTokenMfaSettings", software_token), ("EmailMfaSettings", email)];
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

spec! {
    async fn what_is_turned_on_shows_wherever_the_user_does(world: World) {
        let (client, token) = alice_with_means(&world).await;
        prefer(&world, &token, settings(on(false), on(true), on(false))).await.unwrap();
        let (preferred, all) = (
            Some("SOFTWARE_TOKEN_MFA".to_owned()),
            ["SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"].map(str::to_owned).to_vec(),
        );
        let options = vec![api::MfaOption {
            delivery_medium: Some(delivery_medium::Value::Sms.into()),
            attribute_name: Some("phone_number".to_owned()),
        }];
        let user = world.get_user(&token).await.unwrap();
        assert_eq!(
            (&user.preferred_mfa_setting, &user.user_mfa_setting_list, &user.mfa_options),
            (&preferred, &all, &options)
        );
        let user = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(
            (&user.preferred_mfa_setting, &user.user_mfa_setting_list, &user.mfa_options),
            (&preferred, &all, &options)
        );
        let request = api::ListUsersRequest { user_pool_id: Some(client.pool.clone()), ..Default::default() };
        assert_eq!(world.call(request).await.unwrap().users[0].mfa_options, options);
        let means = api::GetUserAuthFactorsResponse {
            username: "alice".to_owned(),
            preferred_mfa_setting: preferred,
            user_mfa_setting_list: all,
            configured_user_auth_factors: [auth_factor::Value::Password, auth_factor::Value::SoftwareToken]
                .map(i32::from)
                .to_vec(),
        };
        let request = api::GetUserAuthFactorsRequest { access_token: Some(token.clone()) };
        assert_eq!(world.call(request).await, Ok(means));

        prefer(&world, &token, settings(off(), off(), off())).await.unwrap();
        let user = world.get_user(&token).await.unwrap();
        assert_eq!((user.preferred_mfa_setting, user.user_mfa_setting_list, user.mfa_options), (None, vec![], vec![]));
    }
}

spec! {
    async fn what_is_left_out_stays_and_one_at_most_is_preferred(world: World) {
        let (_, token) = alice_with_means(&world).await;
        let nothing = Value::Null;
        let (sms, app, email) = ("SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP");
        for (settings, preferred, all) in [
            (settings(on(true), nothing.clone(), nothing.clone()), Some(sms), vec![sms]),
            (settings(nothing.clone(), on(false), nothing.clone()), Some(sms), vec![sms, app]),
            (settings(nothing.clone(), nothing.clone(), on(true)), Some(email), vec![sms, app, email]),
            (settings(nothing.clone(), on(true), on(false)), Some(app), vec![sms, app, email]),
            (json!({}), Some(app), vec![sms, app, email]),
            (settings(off(), nothing.clone(), nothing.clone()), Some(app), vec![app, email]),
            (settings(nothing.clone(), json!({ "Enabled": true }), nothing.clone()), None, vec![app, email]),
            (settings(nothing.clone(), on(true), nothing.clone()), Some(app), vec![app, email]),
            (settings(nothing.clone(), json!({}), nothing.clone()), None, vec![email]),
            (settings(nothing.clone(), nothing.clone(), json!({ "PreferredMfa": false })), None, vec![]),
        ] {
            prefer(&world, &token, settings.clone()).await.unwrap();
            let expected = (preferred.map(str::to_owned), all.into_iter().map(str::to_owned).collect());
            assert_eq!(factors_of(&world, &token).await, expected, "{settings}");
        }
    }
}

spec! {
    async fn what_contradicts_itself_changes_nothing(world: World) {
        let (_, token) = alice_with_means(&world).await;
        prefer(&world, &token, settings(on(true), Value::Null, Value::Null)).await.unwrap();
        let before = factors_of(&world, &token).await;
        for (settings, message) in [
            (settings(on(true), on(true), Value::Null), "Only one second factor can be preferred."),
            (
                settings(json!({ "Enabled": false, "PreferredMfa": true }), Value::Null, Value::Null),
                "A second factor that is not enabled cannot be preferred.",
            ),
            (
                settings(off(), json!({ "PreferredMfa": true }), Value::Null),
                "A second factor that is not enabled cannot be preferred.",
            ),
        ] {
            assert_eq!(prefer(&world, &token, settings).await, Err(invalid(message)));
            assert_eq!(factors_of(&world, &token).await, before);
        }
    }
}

spec! {
    async fn a_factor_is_turned_on_only_with_the_means_for_it(world: World) {
        let client = client_asking_for(&world, &ALL).await;
        world.create_user(&client.pool, "alice", |request| request.user_attributes.clear()).await.unwrap();
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        for (settings, name) in [
            (settings(on(false), Value::Null, Value::Null), "SMS_MFA"),
            (settings(Value::Null, on(false), Value::Null), "SOFTWARE_TOKEN_MFA"),
            (settings(Value::Null, Value::Null, on(false)), "EMAIL_OTP"),
        ] {
            assert_eq!(prefer(&world, &token, settings.clone()).await, Err(without_means_for(name)), "{settings}");
        }
        associate(&world, &token).await.unwrap();
        let app = settings(Value::Null, on(true), Value::Null);
        assert_eq!(prefer(&world, &token, app.clone()).await, Err(without_means_for("SOFTWARE_TOKEN_MFA")));
        assert_eq!(factors_of(&world, &token).await, (None, vec![]));
        prefer(&world, &token, settings(off(), off(), off())).await.unwrap();

        registered(&world, &token).await;
        update(&world, &token, &[PHONE_NUMBER, ("email", "alice@example.com")]).await.unwrap();
        prefer(&world, &token, settings(on(false), on(true), on(false))).await.unwrap();
    }
}

spec! {
    async fn a_factor_is_turned_on_only_where_the_pool_has_it_and_off_anywhere(world: World) {
        let (client, token) = alice_with_means(&world).await;
        for (has, settings, name) in [
            ([SecondFactor::SoftwareToken, SecondFactor::Email], settings(on(true), Value::Null, Value::Null), "SMS_MFA"),
            ([SecondFactor::Sms, SecondFactor::Email], settings(Value::Null, on(true), Value::Null), "SOFTWARE_TOKEN_MFA"),
            ([SecondFactor::Sms, SecondFactor::SoftwareToken], settings(Value::Null, Value::Null, on(true)), "EMAIL_OTP"),
        ] {
            world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &ALL).await;
            prefer(&world, &token, settings.clone()).await.unwrap();
            world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &has).await;
            let refused = invalid(&format!("{name} is not enabled for the user pool."));
            assert_eq!(prefer(&world, &token, settings).await, Err(refused));
            assert_eq!(factors_of(&world, &token).await.1, [name], "what was on stays on");
            prefer(&world, &token, json!({
                "SMSMfaSettings": off(), "SoftwareTokenMfaSettings": off(), "EmailMfaSettings": off(),
            })).await.unwrap();
        }
        let none = api::SetUserPoolMfaConfigRequest { user_pool_id: Some(client.pool.clone()), ..Default::default() };
        world.call(none).await.unwrap();
        let refused = invalid("SMS_MFA is not enabled for the user pool.");
        assert_eq!(prefer(&world, &token, settings(on(true), Value::Null, Value::Null)).await, Err(refused));
    }
}

spec! {
    async fn an_address_cannot_go_while_codes_go_there(world: World) {
        let (client, token) = alice_with_means(&world).await;
        prefer(&world, &token, settings(on(true), Value::Null, on(false))).await.unwrap();
        let refused =
            |attribute: &str, factor: &str| invalid(&format!("{attribute} cannot be removed while {factor} is turned on."));
        for (attribute, factor) in [("phone_number", "SMS_MFA"), ("email", "EMAIL_OTP")] {
            let refused = refused(attribute, factor);
            assert_eq!(delete(&world, &token, &[attribute]).await, Err(refused.clone()));
            assert_eq!(update(&world, &token, &[(attribute, "")]).await.map(drop), Err(refused.clone()));
            assert_eq!(
                world.delete_attributes(&client.pool, "alice", &[attribute]).await,
                Err(refused.clone()),
                "nor by an operator"
            );
            assert_eq!(world.update_attributes(&client.pool, "alice", &[(attribute, "")]).await, Err(refused));
        }
        update(&world, &token, &[("phone_number", "+15555550101"), ("email", "other@example.com")]).await.unwrap();
        prefer(&world, &token, settings(off(), Value::Null, off())).await.unwrap();
        delete(&world, &token, &["phone_number", "email"]).await.unwrap();
    }
}

spec! {
    async fn of_a_factor_and_its_means_that_change_at_once_one_waits_for_the_other(world: World) {
        let (client, token) = alice_with_means(&world).await;
        let turns_on = async { prefer(&world, &token, settings(on(true), Value::Null, Value::Null)).await.is_ok() };
        let goes = async { delete(&world, &token, &["phone_number"]).await.is_ok() };
        let outcomes = at_once::<std::pin::Pin<Box<dyn Future<Output = bool>>>>([Box::pin(turns_on) as _, Box::pin(goes) as _]).await;
        assert_eq!(outcomes.iter().filter(|done| **done).count(), 1, "{outcomes:?}");
        let has_phone = world.attributes_of(&client.pool, "alice").await.iter().any(|each| each.starts_with("phone_number="));
        assert_eq!(factors_of(&world, &token).await.1.is_empty(), !has_phone);
    }
}

spec! {
    async fn no_code_that_resets_a_password_goes_where_a_second_factor_goes(world: World) {
        let (client, token) = alice_with_means(&world).await;
        world.update_attributes(&client.pool, "alice", &[("phone_number_verified", "true")]).await.unwrap();
        let destination = async || world.forgot(&client, "alice").await.map(|sent| sent.destination.unwrap());
        assert_eq!(destination().await.unwrap(), "+*******0100");
        prefer(&world, &token, settings(on(true), Value::Null, Value::Null)).await.unwrap();
        assert_eq!(destination().await.unwrap(), "a***@e***");
        prefer(&world, &token, settings(Value::Null, Value::Null, on(false))).await.unwrap();
        let nowhere = "Cannot reset password for the user as there is no registered/verified email or phone_number";
        assert_eq!(destination().await, Err(invalid(nowhere)));
        prefer(&world, &token, settings(off(), Value::Null, Value::Null)).await.unwrap();
        assert_eq!(destination().await.unwrap(), "+*******0100");
    }
}

spec! {
    async fn one_users_factors_are_not_anothers(world: World) {
        let (client, token) = alice_with_means(&world).await;
        let bobs = signed_in(&world, &client, "bob").await;
        prefer(&world, &token, settings(on(true), on(false), Value::Null)).await.unwrap();
        assert_eq!(factors_of(&world, &bobs).await, (None, vec![]));
        assert_eq!(means_of(&world, &bobs).await, [auth_factor::Value::Password]);
    }
}

spec! {
    async fn passkeys_are_no_second_factor_here(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let refused = refusal("InvalidParameterException", "WebAuthnMfaSettings is not supported by this server.");
        assert_eq!(prefer(&world, &token, json!({ "WebAuthnMfaSettings": { "Enabled": true } })).await, Err(refused));
        assert_eq!(prefer(&world, &token, json!({ "WebAuthnMfaSettings": { "Enabled": false } })).await, Ok(()));
    }
}

spec! {
    async fn what_is_on_stays_on_through_a_restart_and_tells_when_it_changed(world: World) {
        let (client, token) = alice_with_means(&world).await;
        world.advance(Duration::from_secs(90));
        prefer(&world, &token, settings(on(true), Value::Null, Value::Null)).await.unwrap();
        let changed_at = world.now();
        let world = world.restarted().await;
        assert_eq!(factors_of(&world, &token).await, (Some("SMS_MFA".to_owned()), vec!["SMS_MFA".to_owned()]));
        let (user_pool_id, username) = named(&client.pool, "alice");
        let user = world.call(api::AdminGetUserRequest { user_pool_id, username }).await.unwrap();
        assert_eq!(user.user_last_modified_date.unwrap().seconds, changed_at.as_second());
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        asks_for_a_token_that_stands(&world, |access_token| api::SetUserMfaPreferenceRequest {
            access_token,
            ..Default::default()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice_with_means(&world).await;
    let body = json!({ "AccessToken": token, "SMSMfaSettings": { "Enabled": true, "PreferredMfa": true } });
    let reply = post_json(&world, Op::SetUserMFAPreference, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
    let user = post_json(&world, Op::GetUser, &json!({ "AccessToken": token })).await.json();
    assert_eq!(user["MFAOptions"], json!([{ "DeliveryMedium": "SMS", "AttributeName": "phone_number" }]));
    assert_eq!((&user["PreferredMfaSetting"], &user["UserMFASettingList"]), (&json!("SMS_MFA"), &json!(["SMS_MFA"])));
}
