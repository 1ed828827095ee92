/* Tests policy/detect/kinds/secret.c: tokens by prefix and by label, passwords, and words that are none */
#include "tests/unit/policy/detect/kinds/rows.h"

#define SECRETS                                                                                    \
	(CLASS_BIT(CLASS_SECRET) | CLASS_BIT(CLASS_PASSWORD) | CLASS_BIT(CLASS_PRIVATE_KEY) |      \
	 CLASS_BIT(CLASS_URL_CREDENTIALS))
/* In two halves, so that nobody who looks for tokens in repositories takes them for real ones. */
#define TOKEN(value)                                                                               \
	{                                                                                          \
		"(" value ")", CLASS_SECRET, value                                                 \
	}

static void tokens_are_found_by_prefix(void **state)
{
	static const struct row rows[] = {
		TOKEN("AKIA"
		      "IOSFODNN7EXAMPLE"),
		TOKEN("ASIA"
		      "Q3EGRIFVKBJ2XYZ7"),
		TOKEN("ghp_"
		      "u6L1MbUjIHLIS99CarUNtj3PJyYQpOnpyy0c"),
		TOKEN("gho_"
		      "u6L1MbUjIHLIS99CarUNtj3PJyYQpOnpyy0c"),
		TOKEN("github_pat_"
		      "11ABCDEFG0abcdefghijkl_"
		      "u6L1MbUjIHLIS99CarUNtj3PJyYQpOnpyy0cu6L1MbUjIHLIS99CarUNtj3PJy"),
		TOKEN("glpat-"
		      "u6L1MbUjIHLIS99CarUN"),
		TOKEN("xoxb-"
		      "123456789012-123456789012-cShW3s7HMQoofxUadxveFdul"),
		TOKEN("xapp-"
		      "1-A0123456789-123456789012-0123456789abcdef0123456789abcdef"),
		TOKEN("sk_live_"
		      "cShW3s7HMQoofxUadxveFdul"),
		TOKEN("rk_test_"
		      "cShW3s7HMQoofxUadxveFdul"),
		TOKEN("whsec_"
		      "cShW3s7HMQoofxUadxveFdulPyV579rr"),
		TOKEN("AIza"
		      "SyD2Ktj5zmx0ggEEI0VFe8FIJX6rFNoC8ed"),
		TOKEN("GOCSPX-"
		      "2Ktj5zmx0ggEEI0VFe8FIJX6rFNo"),
		TOKEN("ya29."
		      "a0AfH6SMBx2Ktj5zmx0ggEEI0VFe8FIJX6rFNoC8ed"),
		TOKEN("sk-"
		      "cShW3s7HMQoofxUadxveFdulPyV579rrWzvmKljN3Iqr2rT8"),
		TOKEN("sk-proj-"
		      "cShW3s7HMQoofxUadxveFdulPyV579rrWzvmKljN3Iqr2rT8"),
		TOKEN("sk-ant-"
		      "api03-cShW3s7HMQoofxUadxveFdulPyV579rrWzvmKljN3Iqr2rT8"),
		TOKEN("SG."
		      "cShW3s7HMQoofxUadxveFd.XfEEmT1PFAip5I9RCEqd7KxrUu85K7DnItYYBrwFDlB"),
		TOKEN("key-"
		      "0123456789abcdef0123456789abcdef"),
		TOKEN("npm_"
		      "u6L1MbUjIHLIS99CarUNtj3PJyYQpOnpyy0c"),
		TOKEN("pypi-"
		      "AgEIcHlwaS5vcmcCJDEyMzQ1Njc4LWFiY2QtMTIzNC1hYmNkLTEyMzQ1Njc4OTBhYg"),
		TOKEN("dckr_pat_"
		      "cShW3s7HMQoofxUadxveFdulPyV"),
		TOKEN("dop_v1_"
		      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
		TOKEN("shpat_"
		      "0123456789abcdef0123456789abcdef"),
		TOKEN("hf_"
		      "abcdefGHIJKLmnopqrSTUVWXyzabcdEFGH"),
		TOKEN("hvs."
		      "CAESIJ2Ktj5zmx0ggEEI0VFe8FIJX6rFNoC8ed2gzGh4KHGh2cy5X"),
		TOKEN("1234567890"
		      ":AA2Ktj5zmx0ggEEI0VFe8FIJX6rFNoC8ed2"),
		TOKEN("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
		      ".eyJzdWIiOiIxIiwibmFtZSI6IlN5bnRoIEV0aWMiLCJpYXQiOjF9."
		      "XfEEmT1PFAip5I9RCEqd7KxrUu85K7DnItYYBrwFDlB"),
		TOKEN("MTIzNDU2Nzg5MDEyMzQ1Njc4"
		      ".G2Ktj5.mx0ggEEI0VFe8FIJX6rFNoC8ed2gz"),
		{"\\nghp_"
		 "u6L1MbUjIHLIS99CarUNtj3PJyYQpOnpyy0c\\n",
		 CLASS_SECRET,
		 "ghp_"
		 "u6L1MbUjIHLIS99CarUNtj3PJyYQpOnpyy0c"},
		{"AGE-SECRET-KEY-1"
		 "6UR82FARU9ASZ7SGG892RFSU6R6ACSP6FP299Z2AAAGRQDEYJ8YXP4L9VC",
		 CLASS_PRIVATE_KEY,
		 "AGE-SECRET-KEY-1"
		 "6UR82FARU9ASZ7SGG892RFSU6R6ACSP6FP299Z2AAAGRQDEYJ8YXP4L9VC"},
		{"https://hooks.slack.com/services/"
		 "T01234567/B01234567/cShW3s7HMQoofxUadxveFdul",
		 CLASS_SECRET, "T01234567/B01234567/cShW3s7HMQoofxUadxveFdul"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), SECRETS);
}

static void what_looks_like_a_token_stays(void **state)
{
	static const struct row rows[] = {
		{"sk-learn-feature-extraction-pipeline-builder", CLASS_COUNT, NULL},
		{"key-press-handler-registration-helper", CLASS_COUNT, NULL},
		{"550e8400-e29b-41d4-a716-446655440000", CLASS_COUNT, NULL},
		{"da39a3ee5e6b4b0d3255bfef95601890afd80709", CLASS_COUNT, NULL},
		{"AKIAIOSFODNN7EXAMPL", CLASS_COUNT, NULL},
		{"ghp_short", CLASS_COUNT, NULL},
		{"ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", CLASS_COUNT, NULL},
		{"org.example.some.long.package.name_of_class", CLASS_COUNT, NULL},
		{"hf_transformer_layers_attention_weights", CLASS_COUNT, NULL},
		{"eyJub3QiOiJhIHRva2VuIn0", CLASS_COUNT, NULL},
		{"abcdefghijklmnop.qrstuvwxyzabcdef.ghijklmnopqrstuv", CLASS_COUNT, NULL},
		{"1234567890:00:00:00", CLASS_COUNT, NULL},
		{"the token of appreciation was a longer-than-usual-letter", CLASS_COUNT, NULL},
		{"secret santa 2024-12-24 at ours", CLASS_COUNT, NULL},
		{"session 550e8400-e29b-41d4-a716-446655440000", CLASS_COUNT, NULL},
		{"cookie consent banner shown to everybody", CLASS_COUNT, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), SECRETS);
}

static void keys_are_found_by_label(void **state)
{
	static const struct row rows[] = {
		{"api_key=cShW3s7HMQoofxUadxve", CLASS_SECRET, "cShW3s7HMQoofxUadxve"},
		{"the API key is cShW3s7HMQoofxUadxve.", CLASS_SECRET, "cShW3s7HMQoofxUadxve"},
		{"Authorization: Bearer cShW3s7HMQoofxUadxve", CLASS_SECRET,
		 "cShW3s7HMQoofxUadxve"},
		{"access token cShW3s7HMQoofxUadxve", CLASS_SECRET, "cShW3s7HMQoofxUadxve"},
		{"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", CLASS_SECRET,
		 "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
		{"AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq==;x",
		 CLASS_SECRET, "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq=="},
		{"heroku key 550e8400-e29b-41d4-a716-446655440000", CLASS_SECRET,
		 "550e8400-e29b-41d4-a716-446655440000"},
		{"twilio SK0123456789abcdef0123456789abcdef", CLASS_SECRET,
		 "SK0123456789abcdef0123456789abcdef"},
		{"otpauth://totp/X:kim?secret=JBSWY3DPEHPK3PXP&issuer=X", CLASS_SECRET,
		 "JBSWY3DPEHPK3PXP"},
		{"TOTP seed: JBSW Y3DP EHPK 3PXP", CLASS_SECRET, "JBSW Y3DP EHPK 3PXP"},
		{"Basic a2ltOnMzY3JldCE=", CLASS_URL_CREDENTIALS, "a2ltOnMzY3JldCE="},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), SECRETS);
}

static void passwords_are_found_by_label(void **state)
{
	static const struct row rows[] = {
		{"Password: hunter2", CLASS_PASSWORD, "hunter2"},
		{"password = S3cr3t!x", CLASS_PASSWORD, "S3cr3t!x"},
		{"my password is hunter2.", CLASS_PASSWORD, "hunter2"},
		{"The password for kim is \"correct horse\".", CLASS_PASSWORD, "correct horse"},
		{"passwd 'hunter2'", CLASS_PASSWORD, "hunter2"},
		{"Das Passwort lautet Gehe1m!", CLASS_PASSWORD, "Gehe1m!"},
		{"Kennwort: Sommer2024", CLASS_PASSWORD, "Sommer2024"},
		{"le mot de passe est Ete2024!", CLASS_PASSWORD, "Ete2024!"},
		{"contrase\u00f1a: Verano24", CLASS_PASSWORD, "Verano24"},
		{"senha: Verao2024", CLASS_PASSWORD, "Verao2024"},
		{"wachtwoord is Zomer24!", CLASS_PASSWORD, "Zomer24!"},
		{"has\u0142o: Lato2024", CLASS_PASSWORD, "Lato2024"},
		{"l\u00f6senord: Sommar24", CLASS_PASSWORD, "Sommar24"},
		{"Wi-Fi password for guests: Sunny-Day-42", CLASS_PASSWORD, "Sunny-Day-42"},
		{"pwd=$ecret99;", CLASS_PASSWORD, "$ecret99"},
		{"mot de passe - Sommer583!oze", CLASS_PASSWORD, "Sommer583!oze"},
		{"the pwd qwert018?wut at", CLASS_PASSWORD, "qwert018?wut"},
		{"password (blue897%emn)", CLASS_PASSWORD, "blue897%emn"},
		{"SIM PIN 4821", CLASS_PASSWORD, "4821"},
		{"PUK: 12345678", CLASS_PASSWORD, "12345678"},
		{"unlock code is 482100", CLASS_PASSWORD, "482100"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), SECRETS);
}

static void prose_about_passwords_stays(void **state)
{
	static const struct row rows[] = {
		{"Forgot your password? Click here.", CLASS_COUNT, NULL},
		{"password reset instructions were sent", CLASS_COUNT, NULL},
		{"the password is required and is checked", CLASS_COUNT, NULL},
		{"your password is too short", CLASS_COUNT, NULL},
		{"password must be 8 to 64 characters", CLASS_COUNT, NULL},
		{"pass the salt, 3 times", CLASS_COUNT, NULL},
		{"Das Passwort ist falsch.", CLASS_COUNT, NULL},
		{"change the password every 90 days", CLASS_COUNT, NULL},
		{"mot de passe oubli\u00e9 ?", CLASS_COUNT, NULL},
		{"password sha256 and password2 fields", CLASS_COUNT, NULL},
		{"Passwords and 2FA", CLASS_COUNT, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), SECRETS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_found_by_prefix),
		cmocka_unit_test(what_looks_like_a_token_stays),
		cmocka_unit_test(keys_are_found_by_label),
		cmocka_unit_test(passwords_are_found_by_label),
		cmocka_unit_test(prose_about_passwords_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
