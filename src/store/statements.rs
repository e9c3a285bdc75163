//! The statements about system tables, as templates (see `text`). Their
//! parameters stand behind their names, in their order.

/// A user: e-mail address in lower case.
pub const USER_BY_EMAIL: &str = "SELECT * FROM [directus_users] WHERE LOWER([email]) = $1";
/// A user: id.
pub const USER: &str = "SELECT * FROM [directus_users] WHERE [id] = #1";
/// What decides on a user's rights: id.
pub const USERS_RIGHTS: &str = "SELECT [id], [role], [status], [password] FROM [directus_users] WHERE [id] = #1";
/// The same: static token.
pub const USERS_RIGHTS_BY_TOKEN: &str =
    "SELECT [id], [role], [status], [password], [token] FROM [directus_users] WHERE [token] = $1";
/// A user's static token: id.
pub const STATIC_TOKEN: &str = "SELECT [token] FROM [directus_users] WHERE [id] = #1";
/// Any user.
pub const ANY_USER: &str = "SELECT [id] FROM [directus_users] LIMIT 1";
/// When a user was seen last: when, id.
pub const SEEN: &str = "UPDATE [directus_users] SET [last_access] = @1 WHERE [id] = #2";
/// A user's secret for one-time passwords: secret, id.
pub const SET_TFA: &str = "UPDATE [directus_users] SET [tfa_secret] = $1 WHERE [id] = #2";
/// Suspends who has a role: the role's id.
pub const SUSPEND_ROLE: &str = "UPDATE [directus_users] SET [status] = 'suspended' WHERE [role] = #1";

/// A session that has not expired: token, when.
pub const SESSION: &str = "SELECT * FROM [directus_sessions] WHERE [token] = $1 AND [expires] >= @2";
/// Whether a user's session lives: token, user, when.
pub const LIVE_SESSION: &str = "SELECT [token] FROM [directus_sessions] WHERE [token] = $1 AND [user] = #2 \
                                AND [share] IS NULL AND [expires] >= @3";
/// A new session: token, user, when it expires, address, agent, origin.
pub const NEW_SESSION: &str = "INSERT INTO [directus_sessions] \
                               ([token], [user], [expires], [ip], [user_agent], [origin]) \
                               VALUES ($1, #2, @3, $4, $5, $6)";
/// Gives a session another token: the new one, when it expires, the old one.
pub const ROTATE_SESSION: &str = "UPDATE [directus_sessions] SET [token] = $1, [expires] = @2 WHERE [token] = $3";
/// Lets a session live longer: until when, token.
pub const EXTEND_SESSION: &str = "UPDATE [directus_sessions] SET [expires] = @1 WHERE [token] = $2";
/// Says what comes after a session, unless somebody has: the next token, until when
/// this one lives, token.
pub const FOLLOW_SESSION: &str = "UPDATE [directus_sessions] SET [next_token] = $1, [expires] = @2 \
                                  WHERE [token] = $3 AND [next_token] IS NULL";
/// Ends a session: token.
pub const END_SESSION: &str = "DELETE FROM [directus_sessions] WHERE [token] = $1";
/// Ends a session, and the one before it that lives on for a moment: token.
pub const END_SESSION_LINE: &str = "DELETE FROM [directus_sessions] WHERE [token] = $1 OR [next_token] = $1";
/// Ends the sessions of who has a role: the role's id.
pub const END_SESSIONS_OF_ROLE: &str = "DELETE FROM [directus_sessions] \
                                        WHERE [user] IN (SELECT [id] FROM [directus_users] WHERE [role] = #1)";
/// Holds what decides on who may do everything, until the transaction ends; not on
/// SQLite, where one transaction writes at a time.
pub const HOLD: &str = "SELECT [id] FROM [directus_settings] FOR UPDATE";
/// Ends all of a user's: id.
pub const END_SESSIONS: &str = "DELETE FROM [directus_sessions] WHERE [user] = #1";
/// Ends all of a user's but one: id, token.
pub const END_OTHER_SESSIONS: &str = "DELETE FROM [directus_sessions] WHERE [user] = #1 AND [token] <> $2";
/// Forgets what has expired: when.
pub const FORGET_SESSIONS: &str = "DELETE FROM [directus_sessions] WHERE [expires] < @1";
/// Forgets what of a user's has expired: id, when.
pub const FORGET_SESSIONS_OF: &str = "DELETE FROM [directus_sessions] WHERE [user] = #1 AND [expires] < @2";

/// Keeps that somebody came or went: what, user, when, address, agent, origin, the
/// user once more.
pub const RECORD: &str = "INSERT INTO [directus_activity] \
                          ([action], [user], [timestamp], [ip], [user_agent], [origin], [collection], [item]) \
                          VALUES ($1, #2, @3, $4, $5, $6, 'directus_users', $7)";

/// The settings.
pub const SETTINGS: &str = "SELECT * FROM [directus_settings] ORDER BY [id] LIMIT 1";

/// Roles with those above them.
pub const ROLES: &str = "SELECT [id], [parent] FROM [directus_roles]";
/// Lets go of roles below one: its id.
pub const RELEASE_ROLES: &str = "UPDATE [directus_roles] SET [parent] = NULL WHERE [parent] = #1";
/// All policies.
pub const POLICIES: &str = "SELECT * FROM [directus_policies]";
/// Who has which policy.
pub const ACCESS: &str = "SELECT * FROM [directus_access] ORDER BY [id]";
/// All permissions.
pub const PERMISSIONS: &str = "SELECT * FROM [directus_permissions] ORDER BY [id]";
/// Somebody who may come in and may do everything: by a policy of their own, of their
/// role, or of a role above that.
pub const ACTIVE_ADMIN: &str = "WITH RECURSIVE \
    [given] AS (SELECT [a].[role], [a].[user] FROM [directus_access] AS [a] \
                JOIN [directus_policies] AS [p] ON [a].[policy] = [p].[id] WHERE [p].[admin_access] = TRUE), \
    [admins] ([role]) AS (SELECT [role] FROM [given] WHERE [role] IS NOT NULL UNION \
                          SELECT [r].[id] FROM [directus_roles] AS [r] JOIN [admins] ON [r].[parent] = [admins].[role]) \
    SELECT [id] FROM [directus_users] WHERE [status] = 'active' \
    AND ([role] IN (SELECT [role] FROM [admins]) OR [id] IN (SELECT [user] FROM [given] WHERE [user] IS NOT NULL)) \
    LIMIT 1";
/// Policies of a role that ask for one-time passwords: the role's id.
pub const TFA_POLICIES: &str = "SELECT [p].[id] FROM [directus_policies] AS [p] \
                                JOIN [directus_access] AS [a] ON [a].[policy] = [p].[id] \
                                WHERE [a].[role] = #1 AND [p].[enforce_tfa] = TRUE";

/// What is said of collections, of fields and of relations.
pub const COLLECTIONS: &str = "SELECT * FROM [directus_collections] ORDER BY [collection]";
/// See [`COLLECTIONS`].
pub const FIELDS: &str = "SELECT * FROM [directus_fields] ORDER BY [id]";
/// See [`COLLECTIONS`].
pub const RELATIONS: &str = "SELECT * FROM [directus_relations] ORDER BY [id]";

/// Lets go of a user who is to be deleted: id, each.
pub const RELEASE_USER: [&str; 5] = [
    "UPDATE [directus_comments] SET [user_updated] = NULL WHERE [user_updated] = #1",
    "UPDATE [directus_notifications] SET [sender] = NULL WHERE [sender] = #1",
    "UPDATE [directus_versions] SET [user_updated] = NULL WHERE [user_updated] = #1",
    "UPDATE [directus_files] SET [uploaded_by] = NULL WHERE [uploaded_by] = #1",
    "UPDATE [directus_files] SET [modified_by] = NULL WHERE [modified_by] = #1",
];
