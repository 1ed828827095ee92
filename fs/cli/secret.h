/* secret.h - what opens a store's locks, from the command line, the terminal or systemd. Private to fs/cli. */
#ifndef FS_CLI_SECRET_H
#define FS_CLI_SECRET_H

#include "fs/cli/cli.h"
#include "fs/vault/vault.h"

/* The options that commands which open a store share. */
struct secret_options {
	const char *passphrase_file; /* "-": stdin */
	bool asks;		     /* --passphrase: at the terminal */
	struct text_list key_files, credentials;
};
#define SECRET_ROWS(options)                                                                       \
	{.name = "passphrase-file", .text = &(options)->passphrase_file},                          \
		{.name = "key-file", .list = &(options)->key_files},                               \
	{                                                                                          \
		.name = "credential", .list = &(options)->credentials                              \
	}

/* In guarded memory (vault_guarded), wiped by secrets_done. */
struct secrets {
	struct vault_secret items[VAULT_LOCKS];
	size_t count;
};
void secrets_done(struct secrets *secrets);
#define SECRETS_CLEANUP __attribute__((cleanup(secrets_done)))

/*
 * secrets_new - for locks that are to be made: a passphrase is asked for twice; a key file that is not there is made (0600)
 *
 * BL_OK, BL_INVALID (too many, too short, no terminal), BL_IO.
 */
enum bl_status secrets_new(const struct secret_options *options, struct secrets *out_secrets,
			   struct bl_error *why) BL_MUST_CHECK;

/*
 * secrets_for - for a store that is there: what was given; else the credentials of its locks that systemd handed over; else, at a
 * terminal, its passphrase. Nothing, when there is no such store or it needs nothing
 */
enum bl_status secrets_for(const char *store, const struct secret_options *options,
			   struct secrets *out_secrets, struct bl_error *why) BL_MUST_CHECK;

#endif
