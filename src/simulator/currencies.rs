//! The currencies that Stripe charges in, and its refusal of any other. The text is as Stripe gives it; the list is that of its page on
//! supported currencies and of such an answer, which also has those with three decimals.

use super::response::Failure;

/// Every one, in Stripe's order.
const CURRENCIES: &str = "usd, aed, afn, all, amd, ang, aoa, ars, aud, awg, azn, bam, bbd, bdt, bgn, bhd, bif, bmd, bnd, bob, brl, bsd, bwp, byn, \
     bzd, cad, cdf, chf, clp, cny, cop, crc, cve, czk, djf, dkk, dop, dzd, egp, etb, eur, fjd, fkp, gbp, gel, gip, gmd, gnf, gtq, gyd, hkd, hnl, \
     htg, huf, idr, ils, inr, isk, jmd, jod, jpy, kes, kgs, khr, kmf, krw, kwd, kyd, kzt, lak, lbp, lkr, lrd, lsl, mad, mdl, mga, mkd, mmk, mnt, \
     mop, mur, mvr, mwk, mxn, myr, mzn, nad, ngn, nio, nok, npr, nzd, omr, pab, pen, pgk, php, pkr, pln, pyg, qar, ron, rsd, rub, rwf, sar, sbd, \
     scr, sek, sgd, shp, sle, sos, srd, std, szl, thb, tjs, tnd, top, try, ttd, twd, tzs, uah, ugx, uyu, uzs, vnd, vuv, wst, xaf, xcd, xof, xpf, \
     yer, zar, zmw";

/// The currency in lower case, as Stripe keeps it.
pub(super) fn check(currency: &str) -> Result<String, Failure> {
    let lower = currency.to_ascii_lowercase();
    if CURRENCIES.split(", ").any(|known| known == lower) {
        return Ok(lower);
    }
    let told = format!(
        "Invalid currency: {lower}. Stripe currently supports these currencies: {CURRENCIES}"
    );
    Err(Failure::invalid(told).param("currency"))
}
