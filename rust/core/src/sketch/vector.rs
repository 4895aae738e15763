//! Loops compiled for the widest vectors that the machine has.
//!
//! Rust never fuses multiply and add and never reorders sums, so a loop gives the same bits at every width.

/// Define a function as one that is marked `inline(always)`, compiled for AVX-512, for AVX2 and for any machine.
macro_rules! vectorised {
    ($visible:vis fn $name:ident ($($arg:ident: $type:ty),*) -> $result:ty = $body:ident) => {
        #[inline]
        $visible fn $name ($($arg: $type),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512cd,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn avx512 ($($arg: $type),*) -> $result {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
                fn avx2 ($($arg: $type),*) -> $result {
                    $body($($arg),*)
                }
                if $crate::sketch::vector::has_avx512() {
                    // SAFETY: the features were just detected.
                    return unsafe { avx512($($arg),*) };
                }
                if $crate::sketch::vector::has_avx2() {
                    // SAFETY: the features were just detected.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}

pub(crate) use vectorised;

#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}
