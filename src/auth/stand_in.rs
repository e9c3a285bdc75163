//! Somebody in another's place: what administrators look through when they want to
//! know what others see.

use super::{Authenticator, Error};
use crate::{
    permissions::Identity,
    principal::{Id, Principal},
};

/// In whose place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// A user's, by id, or by address where there are accounts.
    User(String),
    /// That of whoever has a role and is nobody in particular.
    Role(String),
    /// The public's.
    Public,
}

impl Authenticator {
    /// The caller that somebody would be, from no address; none if there is no such
    /// user, active, or role.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn stand_in(&self, whose: &StandIn) -> Result<Option<Principal>, Error> {
        if let Some(accounts) = &self.accounts {
            accounts.freshen().await?;
        }
        let identity = match whose {
            StandIn::Public => Some(Identity::default()),
            StandIn::Role(role) => {
                let role: Id = role.as_str().into();
                let is_known = self.rules.as_ref().is_some_and(|rules| rules.knows_role(&role));
                is_known.then(|| Identity { role: Some(role), ..Identity::default() })
            }
            StandIn::User(user) => match (&self.accounts, &self.rules) {
                (Some(accounts), _) => accounts.identity_of(user).await?,
                (None, Some(rules)) => rules.identity_of(&user.as_str().into()),
                (None, None) => None,
            },
        };
        match identity {
            Some(identity) => self.principal(identity, None).await.map(Some),
            None => Ok(None),
        }
    }
}
