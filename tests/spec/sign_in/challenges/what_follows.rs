//! What follows a first proof (reference 4.4), whichever proof it was.

use std::time::Duration;

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::user_pool_mfa::Value as Mfa;

use super::{Kind, assert_signed_in};
use crate::spec;
use crate::support::World;
use crate::support::factors::{Answered, Person};
use crate::support::fixtures::SecondFactor::{self, Email, Sms, SoftwareToken};
use crate::support::fixtures::{PASSWORD, TEMPORARY_PASSWORD};

/// What the pool asks for, what it has, what the user has turned on and prefers; and the challenge that follows, or none.
type Row = (Mfa, &'static [SecondFactor], &'static [SecondFactor], Option<SecondFactor>, Option<ChallengeName>);

const ALL: &[SecondFactor] = &[Sms, SoftwareToken, Email];

/// Of a user with an authenticator app and verified addresses.
const ROWS: [Row; 20] = [
    (Mfa::Off, &[], ALL, Some(Sms), None),
    (Mfa::Optional, ALL, &[], None, None),
    (Mfa::Optional, ALL, &[Sms], None, Some(ChallengeName::SmsMfa)),
    (Mfa::Optional, ALL, &[SoftwareToken], None, Some(ChallengeName::SoftwareTokenMfa)),
    (Mfa::Optional, ALL, &[Email], None, Some(ChallengeName::EmailOtp)),
    (Mfa::Optional, ALL, &[Sms, SoftwareToken], None, Some(ChallengeName::SelectMfaType)),
    (Mfa::Optional, ALL, ALL, None, Some(ChallengeName::SelectMfaType)),
    (Mfa::Optional, ALL, ALL, Some(Sms), Some(ChallengeName::SmsMfa)),
    (Mfa::Optional, ALL, ALL, Some(SoftwareToken), Some(ChallengeName::SoftwareTokenMfa)),
    (Mfa::Optional, ALL, ALL, Some(Email), Some(ChallengeName::EmailOtp)),
    // A preference for what is not there is none.
    (Mfa::Optional, ALL, &[Sms], Some(Email), Some(ChallengeName::SmsMfa)),
    (Mfa::Optional, &[SoftwareToken], &[Sms, Email], Some(Sms), None),
    (Mfa::Optional, &[SoftwareToken, Email], ALL, Some(Sms), Some(ChallengeName::SelectMfaType)),
    (Mfa::On, ALL, &[SoftwareToken], None, Some(ChallengeName::SoftwareTokenMfa)),
    (Mfa::On, ALL, ALL, None, Some(ChallengeName::SelectMfaType)),
    (Mfa::On, ALL, ALL, Some(Email), Some(ChallengeName::EmailOtp)),
    // Where nothing is turned on, a code goes to where one can be sent.
    (Mfa::On, ALL, &[], None, Some(ChallengeName::SmsMfa)),
    (Mfa::On, &[SoftwareToken, Email], &[], None, Some(ChallengeName::EmailOtp)),
    // An app is a factor once it is turned on.
    (Mfa::On, &[SoftwareToken], &[], None, Some(ChallengeName::MfaSetup)),
    (Mfa::On, &[SoftwareToken], &[Sms], Some(Sms), Some(ChallengeName::MfaSetup)),
];

/// A way to prove the password.
#[derive(Clone, Copy, Debug)]
enum Way {
    Password,
    Preferred,
    Chosen,
    AskedFor,
    NewPassword,
}

const WAYS: [Way; 5] = [Way::Password, Way::Preferred, Way::Chosen, Way::AskedFor, Way::NewPassword];

async fn proves(person: Person<'_>, way: Way) -> Answered {
    let password = ("PASSWORD", PASSWORD);
    match way {
        Way::Password => person.proves_password(PASSWORD).await,
        Way::Preferred => person.begins(AuthFlow::UserAuth, &[("PREFERRED_CHALLENGE", "PASSWORD"), password]).await,
        Way::Chosen => {
            let asked = person.begins(AuthFlow::UserAuth, &[]).await?;
            let choice = [("ANSWER", "PASSWORD"), password];
            person.answers(ChallengeName::SelectChallenge, asked.session(), &choice).await
        }
        Way::AskedFor => {
            let asked = person.prefers("PASSWORD").await?;
            person.answers(ChallengeName::Password, asked.session(), &[password]).await
        }
        Way::NewPassword => {
            let (world, pool) = (person.world, person.client.pool.as_str());
            world.set_temporary_password(pool, person.username, TEMPORARY_PASSWORD).await?;
            let asked = person.proves_password(TEMPORARY_PASSWORD).await?;
            assert_eq!(asked.challenge_name(), ChallengeName::NewPasswordRequired);
            let answer = [("NEW_PASSWORD", PASSWORD)];
            person.answers(ChallengeName::NewPasswordRequired, asked.session(), &answer).await
        }
    }
}

spec! {
    async fn what_follows_the_password_is_what_the_pool_asks_for_and_the_user_has_and_it_leads_to_tokens(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |_| {}).await;
        world.reachable_user(&client, "alice").await;
        world.give_authenticator(&client, "alice").await;
        for (configuration, allowed, turned_on, preferred, expected) in ROWS {
            world.ask_for_second_factors(&pool, configuration, allowed).await;
            world.turn_on(&client, "alice", turned_on, preferred).await;
            for way in WAYS {
                for person in [world.person(&client, "alice"), world.person(&client, "alice").by_back_end()] {
                    // Or too many messages would be sent.
                    world.advance(Duration::from_secs(10 * 60));
                    let reply = proves(person, way).await.unwrap();
                    let row = format!("{configuration:?} of {allowed:?} with {turned_on:?}, {preferred:?}, by {way:?}");
                    let follows = reply.challenge_name.map(|_| reply.challenge_name());
                    assert_eq!(follows, expected, "{row}");
                    assert_eq!(reply.authentication_result.is_some(), expected.is_none(), "{row}");
                    assert_eq!(reply.session.is_none(), expected.is_none(), "{row}");
                    let codes = [Kind::SmsMfa, Kind::EmailMfa, Kind::SoftwareToken];
                    if let Some(kind) = codes.into_iter().find(|kind| Some(kind.challenge()) == expected) {
                        let code = kind.code(person).await;
                        assert_signed_in(&kind.answers(person, reply.session(), &code).await, "alice");
                    }
                }
            }
        }
    }
}
