//! A decoded picture as the later stages read it: 8-bit 4:2:0 planes, each with its own stride.

/// Borrowed planes of one picture; every row is known to be there.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    width: usize,
    height: usize,
    luma: Plane<'a>,
    chroma: Chroma<'a>,
    pub colour: Colour,
}

#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

#[derive(Clone, Copy, Debug)]
pub enum Chroma<'a> {
    /// I420.
    Planar { u: Plane<'a>, v: Plane<'a> },
    /// NV12.
    Interleaved(Plane<'a>),
}

/// How to get from Y'CbCr to R'G'B'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    pub matrix: Matrix,
    pub full_range: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    Bt601,
    Bt709,
}

impl<'a> Picture<'a> {
    /// `None` when a plane is shorter than its rows need, or a side is zero.
    pub fn new(
        (width, height): (usize, usize),
        luma: Plane<'a>,
        chroma: Chroma<'a>,
        colour: Colour,
    ) -> Option<Self> {
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let holds = |plane: Plane<'_>, row_bytes: usize, rows: usize| {
            row_bytes != 0
                && rows != 0
                && row_bytes <= plane.stride
                && plane.stride * (rows - 1) + row_bytes <= plane.data.len()
        };
        let whole = holds(luma, width, height)
            && match chroma {
                Chroma::Planar { u, v } => {
                    holds(u, half_width, half_height) && holds(v, half_width, half_height)
                }
                Chroma::Interleaved(uv) => holds(uv, 2 * half_width, half_height),
            };
        whole.then_some(Self {
            width,
            height,
            luma,
            chroma,
            colour,
        })
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// Width divided by height.
    #[expect(clippy::cast_precision_loss, reason = "sides are below 2^24")]
    pub fn aspect(&self) -> f32 {
        self.width as f32 / self.height as f32
    }

    pub fn chroma(&self) -> Chroma<'a> {
        self.chroma
    }

    pub fn luma_row(&self, y: usize) -> &'a [u8] {
        self.luma.row(y, self.width)
    }

    /// Width of a chroma row in samples.
    pub fn chroma_width(&self) -> usize {
        self.width.div_ceil(2)
    }

    pub fn chroma_height(&self) -> usize {
        self.height.div_ceil(2)
    }
}

impl<'a> Plane<'a> {
    /// `len` bytes of row `y`.
    pub fn row(&self, y: usize, len: usize) -> &'a [u8] {
        let start = y * self.stride;
        &self.data[start..start + len]
    }
}
