/* verify.h - the check digits of the numbers we detect; mask/ uses them to never make a valid one */
#ifndef POLICY_DETECT_VERIFY_H
#define POLICY_DETECT_VERIFY_H

#include "policy/base.h"

/* verify_luhn - ISO/IEC 7812-1 annex B over @count values 0..9 */
bool verify_luhn(const uint8_t *digits, size_t count);
/* verify_card - issuer range, that issuer's lengths, and Luhn */
bool verify_card(const uint8_t *digits, size_t count);
/* verify_card_common - the same, but for issuers' ranges and lengths that other numbers have far more often than cards */
bool verify_card_common(const uint8_t *digits, size_t count);
/* verify_iban_length - characters of an IBAN of this country (ISO 13616 registry); 0: no such country */
size_t verify_iban_length(const char country[2]);
/* verify_iban - ISO 7064 mod 97-10 over @count upper-case letters and digits, country and length included */
bool verify_iban(const char *characters, size_t count);
/* verify_ssn - US social security number: area, group and serial that the SSA can have issued */
bool verify_ssn(const uint8_t digits[9]);
/* verify_calling_code - ITU-T E.164 country code at the front: its length, and how long the national
 * number may be; 0 when no code begins so */
size_t verify_calling_code(const uint8_t *digits, size_t count, size_t *out_least,
			   size_t *out_most);

#endif
