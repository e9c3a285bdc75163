-- The system tables in the shape of version 12, and their first rows, on MariaDB and MySQL.
-- Harmless to run again: what is there already stays as it is.

CREATE TABLE IF NOT EXISTS `directus_collections` (
    `collection`                 varchar(64)  NOT NULL PRIMARY KEY,
    `icon`                       varchar(64),
    `note`                       text,
    `display_template`           varchar(255),
    `hidden`                     boolean      NOT NULL DEFAULT false,
    `singleton`                  boolean      NOT NULL DEFAULT false,
    `translations`               json,
    `archive_field`              varchar(64),
    `archive_app_filter`         boolean      NOT NULL DEFAULT true,
    `archive_value`              varchar(255),
    `unarchive_value`            varchar(255),
    `sort_field`                 varchar(64),
    `accountability`             varchar(255) DEFAULT 'all',
    `color`                      varchar(255),
    `item_duplication_fields`    json,
    `sort`                       int,
    `group`                      varchar(64),
    `collapse`                   varchar(255) NOT NULL DEFAULT 'open',
    `preview_url`                varchar(255),
    `versioning`                 boolean      NOT NULL DEFAULT false,
    `status`                     varchar(255) NOT NULL DEFAULT 'active',
    `autosave_revision_interval` float,
    CONSTRAINT `directus_collections_group_foreign` FOREIGN KEY (`group`) REFERENCES `directus_collections` (`collection`) ON DELETE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_folders` (
    `id`     char(36)     NOT NULL PRIMARY KEY,
    `name`   varchar(255) NOT NULL,
    `parent` char(36),
    `type`   varchar(255) NOT NULL DEFAULT 'files',
    CONSTRAINT `directus_folders_parent_foreign` FOREIGN KEY (`parent`) REFERENCES `directus_folders` (`id`) ON DELETE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_roles` (
    `id`          char(36)     NOT NULL PRIMARY KEY,
    `name`        varchar(100) NOT NULL,
    `icon`        varchar(64)  NOT NULL DEFAULT 'supervised_user_circle',
    `description` text,
    `parent`      char(36),
    CONSTRAINT `directus_roles_parent_foreign` FOREIGN KEY (`parent`) REFERENCES `directus_roles` (`id`) ON DELETE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_policies` (
    `id`           char(36)     NOT NULL PRIMARY KEY,
    `name`         varchar(100) NOT NULL,
    `icon`         varchar(64)  NOT NULL DEFAULT 'badge',
    `description`  text,
    `ip_access`    text,
    `enforce_tfa`  boolean      NOT NULL DEFAULT false,
    `admin_access` boolean      NOT NULL DEFAULT false,
    `app_access`   boolean      NOT NULL DEFAULT false
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_users` (
    `id`                    char(36)     NOT NULL PRIMARY KEY,
    `first_name`            varchar(50),
    `last_name`             varchar(50),
    `email`                 varchar(128),
    `password`              varchar(255),
    `location`              varchar(255),
    `title`                 varchar(50),
    `description`           text,
    `tags`                  json,
    `avatar`                char(36),
    `language`              varchar(255),
    `tfa_secret`            varchar(255),
    `status`                varchar(16)  NOT NULL DEFAULT 'active',
    `role`                  char(36),
    `token`                 varchar(255),
    `last_access`           timestamp    NULL DEFAULT NULL,
    `last_page`             varchar(255),
    `provider`              varchar(128) NOT NULL DEFAULT 'default',
    `external_identifier`   varchar(255),
    `auth_data`             json,
    `email_notifications`   boolean      DEFAULT true,
    `appearance`            varchar(255),
    `theme_dark`            varchar(255),
    `theme_light`           varchar(255),
    `theme_light_overrides` json,
    `theme_dark_overrides`  json,
    `text_direction`        varchar(255) NOT NULL DEFAULT 'auto',
    CONSTRAINT `directus_users_email_unique` UNIQUE (`email`),
    CONSTRAINT `directus_users_token_unique` UNIQUE (`token`),
    CONSTRAINT `directus_users_external_identifier_unique` UNIQUE (`external_identifier`),
    CONSTRAINT `directus_users_role_foreign` FOREIGN KEY (`role`) REFERENCES `directus_roles` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_files` (
    `id`                char(36)     NOT NULL PRIMARY KEY,
    `storage`           varchar(255) NOT NULL,
    `filename_disk`     varchar(255),
    `filename_download` varchar(255) NOT NULL,
    `title`             varchar(255),
    `type`              varchar(255),
    `folder`            char(36),
    `uploaded_by`       char(36),
    `created_on`        timestamp    NOT NULL DEFAULT CURRENT_TIMESTAMP,
    `modified_by`       char(36),
    `modified_on`       timestamp    NOT NULL DEFAULT CURRENT_TIMESTAMP,
    `charset`           varchar(50),
    `filesize`          bigint,
    `width`             int,
    `height`            int,
    `duration`          int,
    `embed`             varchar(200),
    `description`       text,
    `location`          text,
    `tags`              text,
    `metadata`          json,
    `focal_point_x`     int,
    `focal_point_y`     int,
    `tus_id`            varchar(64),
    `tus_data`          json,
    `uploaded_on`       timestamp    NULL DEFAULT NULL,
    CONSTRAINT `directus_files_folder_foreign` FOREIGN KEY (`folder`) REFERENCES `directus_folders` (`id`) ON DELETE SET NULL,
    CONSTRAINT `directus_files_uploaded_by_foreign` FOREIGN KEY (`uploaded_by`) REFERENCES `directus_users` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_files_modified_by_foreign` FOREIGN KEY (`modified_by`) REFERENCES `directus_users` (`id`) ON DELETE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_access` (
    `id`     char(36) NOT NULL PRIMARY KEY,
    `role`   char(36),
    `user`   char(36),
    `policy` char(36) NOT NULL,
    `sort`   int,
    CONSTRAINT `directus_access_role_foreign` FOREIGN KEY (`role`) REFERENCES `directus_roles` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_access_user_foreign` FOREIGN KEY (`user`) REFERENCES `directus_users` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_access_policy_foreign` FOREIGN KEY (`policy`) REFERENCES `directus_policies` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_permissions` (
    `id`          int         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `collection`  varchar(64) NOT NULL,
    `action`      varchar(10) NOT NULL,
    `permissions` json,
    `validation`  json,
    `presets`     json,
    `fields`      text,
    `policy`      char(36)    NOT NULL,
    CONSTRAINT `directus_permissions_policy_foreign` FOREIGN KEY (`policy`) REFERENCES `directus_policies` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_presets` (
    `id`               int          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `bookmark`         varchar(255),
    `user`             char(36),
    `role`             char(36),
    `collection`       varchar(64),
    `search`           varchar(100),
    `layout`           varchar(100) DEFAULT 'tabular',
    `layout_query`     json,
    `layout_options`   json,
    `refresh_interval` int,
    `filter`           json,
    `icon`             varchar(64)  DEFAULT 'bookmark',
    `color`            varchar(255),
    CONSTRAINT `directus_presets_user_foreign` FOREIGN KEY (`user`) REFERENCES `directus_users` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_presets_role_foreign` FOREIGN KEY (`role`) REFERENCES `directus_roles` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_dashboards` (
    `id`           char(36)     NOT NULL PRIMARY KEY,
    `name`         varchar(255) NOT NULL,
    `icon`         varchar(64)  NOT NULL DEFAULT 'dashboard',
    `note`         text,
    `date_created` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `user_created` char(36),
    `color`        varchar(255),
    CONSTRAINT `directus_dashboards_user_created_foreign` FOREIGN KEY (`user_created`) REFERENCES `directus_users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_panels` (
    `id`           char(36)     NOT NULL PRIMARY KEY,
    `dashboard`    char(36)     NOT NULL,
    `name`         varchar(255),
    `icon`         varchar(64),
    `color`        varchar(10),
    `show_header`  boolean      NOT NULL DEFAULT false,
    `note`         text,
    `type`         varchar(255) NOT NULL,
    `position_x`   int          NOT NULL,
    `position_y`   int          NOT NULL,
    `width`        int          NOT NULL,
    `height`       int          NOT NULL,
    `options`      json,
    `date_created` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `user_created` char(36),
    CONSTRAINT `directus_panels_dashboard_foreign` FOREIGN KEY (`dashboard`) REFERENCES `directus_dashboards` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_panels_user_created_foreign` FOREIGN KEY (`user_created`) REFERENCES `directus_users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_flows` (
    `id`             char(36)     NOT NULL PRIMARY KEY,
    `name`           varchar(255) NOT NULL,
    `icon`           varchar(64),
    `color`          varchar(255),
    `description`    text,
    `status`         varchar(255) NOT NULL DEFAULT 'active',
    `trigger`        varchar(255),
    `accountability` varchar(255) DEFAULT 'all',
    `options`        json,
    `operation`      char(36),
    `date_created`   timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `user_created`   char(36),
    `folder`         char(36),
    CONSTRAINT `directus_flows_operation_unique` UNIQUE (`operation`),
    CONSTRAINT `directus_flows_user_created_foreign` FOREIGN KEY (`user_created`) REFERENCES `directus_users` (`id`) ON DELETE SET NULL,
    CONSTRAINT `directus_flows_folder_foreign` FOREIGN KEY (`folder`) REFERENCES `directus_folders` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_operations` (
    `id`           char(36)     NOT NULL PRIMARY KEY,
    `name`         varchar(255),
    `key`          varchar(255) NOT NULL,
    `type`         varchar(255) NOT NULL,
    `position_x`   int          NOT NULL,
    `position_y`   int          NOT NULL,
    `options`      json,
    `resolve`      char(36),
    `reject`       char(36),
    `flow`         char(36)     NOT NULL,
    `date_created` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `user_created` char(36),
    CONSTRAINT `directus_operations_resolve_unique` UNIQUE (`resolve`),
    CONSTRAINT `directus_operations_reject_unique` UNIQUE (`reject`),
    CONSTRAINT `directus_operations_resolve_foreign` FOREIGN KEY (`resolve`) REFERENCES `directus_operations` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_operations_reject_foreign` FOREIGN KEY (`reject`) REFERENCES `directus_operations` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_operations_flow_foreign` FOREIGN KEY (`flow`) REFERENCES `directus_flows` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_operations_user_created_foreign` FOREIGN KEY (`user_created`) REFERENCES `directus_users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_activity` (
    `id`         int          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `action`     varchar(45)  NOT NULL,
    `user`       char(36),
    `timestamp`  timestamp    NOT NULL DEFAULT CURRENT_TIMESTAMP,
    `ip`         varchar(50),
    `user_agent` text,
    `collection` varchar(64)  NOT NULL,
    `item`       varchar(255) NOT NULL,
    `origin`     varchar(255),
    KEY `directus_activity_timestamp_index` (`timestamp`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_versions` (
    `id`           char(36)     NOT NULL PRIMARY KEY,
    `key`          varchar(64)  NOT NULL,
    `name`         varchar(255),
    `collection`   varchar(64)  NOT NULL,
    `item`         varchar(255),
    `hash`         varchar(255),
    `date_created` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `date_updated` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `user_created` char(36),
    `user_updated` char(36),
    `delta`        json,
    CONSTRAINT `directus_versions_collection_foreign` FOREIGN KEY (`collection`) REFERENCES `directus_collections` (`collection`) ON DELETE CASCADE,
    CONSTRAINT `directus_versions_user_created_foreign` FOREIGN KEY (`user_created`) REFERENCES `directus_users` (`id`) ON DELETE SET NULL,
    CONSTRAINT `directus_versions_user_updated_foreign` FOREIGN KEY (`user_updated`) REFERENCES `directus_users` (`id`) ON DELETE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_revisions` (
    `id`         int          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `activity`   int          NOT NULL,
    `collection` varchar(64)  NOT NULL,
    `item`       varchar(255) NOT NULL,
    `data`       json,
    `delta`      json,
    `parent`     int,
    `version`    char(36),
    KEY `directus_revisions_activity_index` (`activity`),
    KEY `directus_revisions_parent_index` (`parent`),
    CONSTRAINT `directus_revisions_activity_foreign` FOREIGN KEY (`activity`) REFERENCES `directus_activity` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_revisions_parent_foreign` FOREIGN KEY (`parent`) REFERENCES `directus_revisions` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_revisions_version_foreign` FOREIGN KEY (`version`) REFERENCES `directus_versions` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_comments` (
    `id`           char(36)     NOT NULL PRIMARY KEY,
    `collection`   varchar(64)  NOT NULL,
    `item`         varchar(255) NOT NULL,
    `comment`      text         NOT NULL,
    `date_created` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `date_updated` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `user_created` char(36),
    `user_updated` char(36),
    CONSTRAINT `directus_comments_user_created_foreign` FOREIGN KEY (`user_created`) REFERENCES `directus_users` (`id`) ON DELETE SET NULL,
    CONSTRAINT `directus_comments_user_updated_foreign` FOREIGN KEY (`user_updated`) REFERENCES `directus_users` (`id`) ON DELETE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_notifications` (
    `id`         int          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `timestamp`  timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `status`     varchar(255) DEFAULT 'inbox',
    `recipient`  char(36)     NOT NULL,
    `sender`     char(36),
    `subject`    varchar(255) NOT NULL,
    `message`    text,
    `collection` varchar(64),
    `item`       varchar(255),
    CONSTRAINT `directus_notifications_recipient_foreign` FOREIGN KEY (`recipient`) REFERENCES `directus_users` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_notifications_sender_foreign` FOREIGN KEY (`sender`) REFERENCES `directus_users` (`id`) ON DELETE NO ACTION
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_shares` (
    `id`           char(36)     NOT NULL PRIMARY KEY,
    `name`         varchar(255),
    `collection`   varchar(64)  NOT NULL,
    `item`         varchar(255) NOT NULL,
    `role`         char(36),
    `password`     varchar(255),
    `user_created` char(36),
    `date_created` timestamp    NULL DEFAULT CURRENT_TIMESTAMP,
    `date_start`   timestamp    NULL DEFAULT NULL,
    `date_end`     timestamp    NULL DEFAULT NULL,
    `times_used`   int          DEFAULT 0,
    `max_uses`     int,
    CONSTRAINT `directus_shares_collection_foreign` FOREIGN KEY (`collection`) REFERENCES `directus_collections` (`collection`) ON DELETE CASCADE,
    CONSTRAINT `directus_shares_role_foreign` FOREIGN KEY (`role`) REFERENCES `directus_roles` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_shares_user_created_foreign` FOREIGN KEY (`user_created`) REFERENCES `directus_users` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_sessions` (
    `token`        varchar(64)  NOT NULL PRIMARY KEY,
    `user`         char(36),
    `expires`      timestamp    NOT NULL,
    `ip`           varchar(255),
    `user_agent`   text,
    `share`        char(36),
    `origin`       varchar(255),
    `next_token`   varchar(64),
    `oauth_client` varchar(255),
    KEY `directus_sessions_oauth_client_index` (`oauth_client`),
    CONSTRAINT `directus_sessions_user_foreign` FOREIGN KEY (`user`) REFERENCES `directus_users` (`id`) ON DELETE CASCADE,
    CONSTRAINT `directus_sessions_share_foreign` FOREIGN KEY (`share`) REFERENCES `directus_shares` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_settings` (
    `id`                               int          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `project_name`                     varchar(100) NOT NULL DEFAULT 'Directus',
    `project_url`                      varchar(255),
    `project_color`                    varchar(255) NOT NULL DEFAULT '#6644FF',
    `project_logo`                     char(36),
    `public_foreground`                char(36),
    `public_background`                char(36),
    `public_note`                      text,
    `auth_login_attempts`              int          DEFAULT 25,
    `auth_password_policy`             varchar(100),
    `storage_asset_transform`          varchar(7)   DEFAULT 'all',
    `storage_asset_presets`            json,
    `custom_css`                       text,
    `storage_default_folder`           char(36),
    `basemaps`                         json,
    `mapbox_key`                       varchar(255),
    `module_bar`                       json,
    `project_descriptor`               varchar(100),
    `default_language`                 varchar(255) NOT NULL DEFAULT 'en-US',
    `custom_aspect_ratios`             json,
    `public_favicon`                   char(36),
    `default_appearance`               varchar(255) NOT NULL DEFAULT 'auto',
    `default_theme_light`              varchar(255),
    `theme_light_overrides`            json,
    `default_theme_dark`               varchar(255),
    `theme_dark_overrides`             json,
    `report_error_url`                 varchar(255),
    `report_bug_url`                   varchar(255),
    `report_feature_url`               varchar(255),
    `public_registration`              boolean      NOT NULL DEFAULT false,
    `public_registration_verify_email` boolean      NOT NULL DEFAULT true,
    `public_registration_role`         char(36),
    `public_registration_email_filter` json,
    `visual_editor_urls`               json,
    `project_id`                       char(36),
    `mcp_enabled`                      boolean      NOT NULL DEFAULT false,
    `mcp_allow_deletes`                boolean      NOT NULL DEFAULT false,
    `mcp_prompts_collection`           varchar(255),
    `mcp_system_prompt_enabled`        boolean      NOT NULL DEFAULT true,
    `mcp_system_prompt`                text,
    `project_owner`                    varchar(255),
    `project_usage`                    varchar(255),
    `org_name`                         varchar(255),
    `product_updates`                  boolean,
    `project_status`                   varchar(255),
    `ai_openai_api_key`                text,
    `ai_anthropic_api_key`             text,
    `ai_system_prompt`                 text,
    `ai_google_api_key`                text,
    `ai_openai_compatible_api_key`     text,
    `ai_openai_compatible_base_url`    text,
    `ai_openai_compatible_name`        text,
    `ai_openai_compatible_models`      json,
    `ai_openai_compatible_headers`     json,
    `ai_openai_allowed_models`         json,
    `ai_anthropic_allowed_models`      json,
    `ai_google_allowed_models`         json,
    `collaborative_editing_enabled`    boolean      NOT NULL DEFAULT false,
    `ai_translation_default_model`     text,
    `ai_translation_glossary`          json,
    `ai_translation_style_guide`       text,
    `license_key`                      varchar(255),
    `license_token`                    text,
    `mcp_oauth_enabled`                boolean      NOT NULL DEFAULT false,
    `mcp_oauth_dcr_enabled`            boolean      NOT NULL DEFAULT false,
    `mcp_oauth_cimd_enabled`           boolean      NOT NULL DEFAULT false,
    `default_save_action`              varchar(255) NOT NULL DEFAULT 'save-and-quit',
    CONSTRAINT `directus_settings_project_logo_foreign` FOREIGN KEY (`project_logo`) REFERENCES `directus_files` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_settings_public_foreground_foreign` FOREIGN KEY (`public_foreground`) REFERENCES `directus_files` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_settings_public_background_foreign` FOREIGN KEY (`public_background`) REFERENCES `directus_files` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_settings_storage_default_folder_foreign` FOREIGN KEY (`storage_default_folder`) REFERENCES `directus_folders` (`id`) ON DELETE SET NULL,
    CONSTRAINT `directus_settings_public_favicon_foreign` FOREIGN KEY (`public_favicon`) REFERENCES `directus_files` (`id`) ON DELETE NO ACTION,
    CONSTRAINT `directus_settings_public_registration_role_foreign` FOREIGN KEY (`public_registration_role`) REFERENCES `directus_roles` (`id`) ON DELETE SET NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_fields` (
    `id`                 int         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `collection`         varchar(64) NOT NULL,
    `field`              varchar(64) NOT NULL,
    `special`            varchar(64),
    `interface`          varchar(64),
    `options`            json,
    `display`            varchar(64),
    `display_options`    json,
    `readonly`           boolean     NOT NULL DEFAULT false,
    `hidden`             boolean     NOT NULL DEFAULT false,
    `sort`               int,
    `width`              varchar(30) DEFAULT 'full',
    `translations`       json,
    `note`               text,
    `conditions`         json,
    `required`           boolean     DEFAULT false,
    `group`              varchar(64),
    `validation`         json,
    `validation_message` text,
    `searchable`         boolean     NOT NULL DEFAULT true
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_relations` (
    `id`                      int          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    `many_collection`         varchar(64)  NOT NULL,
    `many_field`              varchar(64)  NOT NULL,
    `one_collection`          varchar(64),
    `one_field`               varchar(64),
    `one_collection_field`    varchar(64),
    `one_allowed_collections` text,
    `junction_field`          varchar(64),
    `sort_field`              varchar(64),
    `one_deselect_action`     varchar(255) NOT NULL DEFAULT 'nullify'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_translations` (
    `id`       char(36)     NOT NULL PRIMARY KEY,
    `language` varchar(255) NOT NULL,
    `key`      varchar(255) NOT NULL,
    `value`    text         NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `directus_migrations` (
    `version`   varchar(255) NOT NULL PRIMARY KEY,
    `name`      varchar(255) NOT NULL,
    `timestamp` timestamp    NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- What everybody may do without logging in: nothing, until permissions are added.
INSERT IGNORE INTO `directus_policies` (`id`, `name`, `icon`)
VALUES ('abf8a154-5b1c-4a46-ac9c-7300570f4f17', '$t:public_label', 'public');

INSERT IGNORE INTO `directus_access` (`id`, `role`, `user`, `policy`, `sort`)
VALUES ('6c2f4a0e-93b7-4d51-8e0a-2f1d7b5c9a34', NULL, NULL, 'abf8a154-5b1c-4a46-ac9c-7300570f4f17', 1);

-- The only row of the settings. The program gives it its project_id.
INSERT IGNORE INTO `directus_settings` (`id`, `project_name`)
VALUES (1, 'Tidegate');
