use panscan::*;
fn main() {
    for text in [
        "\"%204111111111111111",
        "\"%204111111111111111\"",
        "\"%204111111111111111 \"",
    ] {
        for t in Tier::all_available() {
            let s = Scanner::with_tier(Settings::default(), *t);
            let mut st = Stream::new(Carrier::Json);
            let mut n = 0;
            s.scan(&mut st, text.as_bytes(), &mut |f| {
                n += 1;
                println!("{f:?}")
            });
            println!("{} {t:?} {n}", st.held());
            s.finish(&mut st, &mut |f| {
                n += 1;
                println!("{f:?}")
            });
            println!("{t:?} {n}");
        }
    }
}
