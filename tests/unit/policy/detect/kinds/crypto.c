/* Tests policy/detect/kinds/crypto.c: addresses whose checksums fit, and those whose do not */
#include "tests/unit/policy/detect/kinds/rows.h"

#define CRYPTO (CLASS_BIT(CLASS_CRYPTO_ADDRESS) | CLASS_BIT(CLASS_SECRET))
#define ADDRESS(value)                                                                             \
	{                                                                                          \
		"(" value ")", CLASS_CRYPTO_ADDRESS, value                                         \
	}
#define KEY(value)                                                                                 \
	{                                                                                          \
		"'" value "',", CLASS_SECRET, value                                                \
	}

static void addresses_are_found_by_their_checksums(void **state)
{
	static const struct row rows[] = {
		ADDRESS("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
		ADDRESS("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
		ADDRESS("1HPgMiZe1YVWw5tYCTrHmksPCnv9ZXAUN2"),
		ADDRESS("LbcdcvsU6CjaBtahNbqb3mw9R1HRkJaLor"),
		ADDRESS("MQHqb9U3WZfKpkrsRSWE22Uig1oK71LPHy"),
		ADDRESS("DMXmtyWHJxPoU658w3qrKX2z5veSwsPn7N"),
		ADDRESS("A8px277ydWgnvcxSjhBJSWrh3tauGsH79w"),
		ADDRESS("Xs5XByDXyFi762V84MAWdHZB38VqaFTTmV"),
		ADDRESS("7ioL7TLFNRuY227vbBBPXmDyGs3ExNX997"),
		ADDRESS("TSMtMmwNAGcU6FxAnjW1HuZX7afTnjgx9N"),
		ADDRESS("t1aGHN3ymysH7XiwS8tfQuZyJTT7ELd67rC"),
		ADDRESS("t3axJHbUDXmbVctdsFzL1LCLEbyPwvWQA3M"),
		ADDRESS("mwudemecpZvmiCN9v2pfbg5i4nWrUWqq6h"),
		ADDRESS("2N9duLzz7AuKFE3DWzh8kpLDaZfR2tH5KTb"),
		ADDRESS("tz1c2i3qRre8EoEVafhyuqoru26oEMEHDLPV"),
		ADDRESS("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"),
		ADDRESS("GAWHBYJLPIDEN6JCPH2CPR5TRZZTJWHFHCOP6FT2DXBQ447YE23IGRXM"),
		ADDRESS("481N9dLcFtcH5R6vkKEFpp7A3eMPaBtZzTqM4nj37NU7jqQphoVjb9WmFtZHiR9bJBRuzR1x2D"
			"PZ"
			"P3TbewHFE66vj18GhLP"),
		/* BIP 32, test vector 1 */
		ADDRESS("xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1R"
			"up"
			"je8YtGqsefD265TMg7usUDFdp6W1EGMcet8"),
		ADDRESS("ypub6QqdH2c5z7967UiSN5wujvaLeWRkmHk2USrw1cGwA4Zf4aDwoHqEckueoEQdCiq58ZAbwY"
			"pG"
			"u6vHFWXSEmnngpjYdNBgx54rmJCsJtdQ4WD"),
		/* BIP 173, BIP 350 */
		ADDRESS("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
		ADDRESS("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
		ADDRESS("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
		ADDRESS("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
		ADDRESS("ltc1qk0xqgadm0zjsycycsk8f3zdv7endxyrzvrnsqj"),
		ADDRESS("cosmos1k0xqgadm0zjsycycsk8f3zdv7endxyrz79hlu0"),
		ADDRESS("addr1fesjsz8aqre0zkxadustjstz56cnqev8rsyeks0jj8sxtaglax74zvu6z2j08ckukhxmf"
			"3u"
			"zalh9dpa324hgd354aj6xge4pyw"),
		/* EIP-55 */
		ADDRESS("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
		ADDRESS("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
		ADDRESS("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"),
		ADDRESS("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"),
		ADDRESS("0x52908400098527886E0F7030069857D2E4169EE7"),
		ADDRESS("0xde709f2102306220921060314715629080e2fb77"),
		{"\\n1HPgMiZe1YVWw5tYCTrHmksPCnv9ZXAUN2\\n", CLASS_CRYPTO_ADDRESS,
		 "1HPgMiZe1YVWw5tYCTrHmksPCnv9ZXAUN2"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), CRYPTO);
}

static void keys_are_secrets(void **state)
{
	static const struct row rows[] = {
		KEY("5J9rmMdJ7hTaCashuQtmMbSWefctKMS5GaieyYef8x64s1ccUin"),
		KEY("Kxi6en3CYZaHY8WoYLTUmu1bsFTPW1BfqmprcahDL69N3g19zsiH"),
		KEY("91vVM6SqhvXiAeNzXkngEBzUJKybUWyGcXac4B1AUgq7e2cKTuu"),
		KEY("cP567h33ydGYhZz4vkGc9DWfVUkoATHMuoyKj19iqCoNJR6j6Rws"),
		KEY("xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6L"
		    "nF5"
		    "kejMRNNU3TGtRBeJgk33yuGBxrMPHi"),
		KEY("yprvABrGsX5C9jantzdyG4QuNndc6UbGMq2B7DwLDDsKbj2gBmtoFkWz4xbAx3GM7YgUipic36hMEM"
		    "Ape"
		    "4yeM7JEvy9P7MsK6kFoqSKdYnh1JMN"),
		KEY("SAWHBYJLPIDEN6JCPH2CPR5TRZZTJWHFHCOP6FT2DXBQ447YE23IHVET"),
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), CRYPTO);
}

static void what_looks_like_an_address_stays(void **state)
{
	static const struct row rows[] = {
		/* one character changed */
		{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", CLASS_COUNT, NULL},
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", CLASS_COUNT, NULL},
		{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8F3T4", CLASS_COUNT, NULL},
		{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", CLASS_COUNT, NULL},
		{"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi", CLASS_COUNT, NULL},
		{"GAWHBYJLPIDEN6JCPH2CPR5TRZZTJWHFHCOP6FT2DXBQ447YE23IGRXN", CLASS_COUNT, NULL},
		/* hashes, identifiers, names */
		{"da39a3ee5e6b4b0d3255bfef95601890afd80709", CLASS_COUNT, NULL},
		{"0x0000000000000000000000000000000000000000", CLASS_COUNT, NULL},
		{"550e8400-e29b-41d4-a716-446655440000", CLASS_COUNT, NULL},
		{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", CLASS_COUNT,
		 NULL},
		{"0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", CLASS_COUNT,
		 NULL},
		{"internationalization1localization", CLASS_COUNT, NULL},
		{"x1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", CLASS_COUNT, NULL},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), CRYPTO);
}

static void labels_make_addresses_of_what_has_no_check(void **state)
{
	static const struct row rows[] = {
		{"Solana wallet: 7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV", CLASS_CRYPTO_ADDRESS,
		 "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV"},
		{"ETH address 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", CLASS_CRYPTO_ADDRESS,
		 "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"},
		{"send btc to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", CLASS_CRYPTO_ADDRESS,
		 "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"},
	};

	(void)state;
	check_rows(rows, BL_COUNT(rows), CRYPTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_found_by_their_checksums),
		cmocka_unit_test(keys_are_secrets),
		cmocka_unit_test(what_looks_like_an_address_stays),
		cmocka_unit_test(labels_make_addresses_of_what_has_no_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
