use std::collections::BTreeMap;

use crate::{Header, Limits, TensorInfo, WeightsError};

/// A safetensors file that is in memory whole: its header checked, its data borrowed.
#[derive(Clone, Debug)]
pub struct File<'a> {
    header: Header,
    data: &'a [u8],
}

impl<'a> File<'a> {
    /// # Errors
    /// As [`Header::parse`], and when the file is shorter or longer than its header says.
    pub fn parse(bytes: &'a [u8], limits: Limits) -> Result<Self, WeightsError> {
        let header = Header::parse(bytes, limits)?;
        header.check_len(bytes.len() as u64)?;
        // `parse` has seen the header whole, so its end lies within `bytes`.
        let start = usize::try_from(header.data_start).unwrap_or(bytes.len());
        let data = bytes.get(start..).unwrap_or_default();
        Ok(File { header, data })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.header.metadata
    }

    /// Each tensor with its data, in file order.
    pub fn tensors(&self) -> impl Iterator<Item = (&TensorInfo, &'a [u8])> {
        self.header
            .tensors
            .iter()
            .map(|info| (info, self.data_of(info)))
    }

    pub fn tensor(&self, name: &str) -> Option<(&TensorInfo, &'a [u8])> {
        let info = self.header.tensor(name)?;
        Some((info, self.data_of(info)))
    }

    fn data_of(&self, info: &TensorInfo) -> &'a [u8] {
        // The header's places lie within the data: `check_len` saw to it, and both fit in memory.
        self.data
            .get(info.begin as usize..info.end as usize)
            .unwrap_or_default()
    }
}
