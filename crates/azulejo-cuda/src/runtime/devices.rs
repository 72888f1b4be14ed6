//! What devices there are, without opening one.

use cudarc::driver::result::device;

use super::driver::{device_count, driver_version};
use super::error::CudaError;
use super::kernels::{Code, carried};
use crate::archive::Archive;

/// A GPU of NVIDIA's that could be used.
#[derive(Debug)]
pub struct CudaDevice {
    /// Its number, counted from 0.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its architecture, `sm_90`.
    pub architecture: String,
    /// The version of CUDA that the driver knows, major and minor.
    pub driver: (i32, i32),
    /// Bytes of its memory.
    pub bytes: u64,
    /// Where the kernels' machine code comes from, in words; or why there is none.
    pub kernels: Result<String, CudaError>,
}

impl CudaDevice {
    /// All of them, in the driver's order.
    ///
    /// # Errors
    /// [`CudaError::NoDriver`], or what the driver says.
    pub fn all() -> Result<Vec<Self>, CudaError> {
        let driver = driver_version()?;
        (0..device_count()?).map(|index| Self::of(index, driver)).collect()
    }

    fn of(index: usize, driver: (i32, i32)) -> Result<Self, CudaError> {
        let failed = CudaError::driver("tell what a device is");
        let device = device::get(index as i32).map_err(&failed)?;
        let (name, bytes, capability) = super::driver::describe(device).map_err(&failed)?;
        let kernels = Archive::embedded()
            .transpose()
            .map_err(CudaError::from)
            .and_then(|archive| Code::new(archive, driver, capability, None).source());
        let architecture = format!("sm_{}{}", capability.0, capability.1);
        Ok(Self { index, name, architecture, driver, bytes, kernels })
    }
}

/// What this program carries for GPUs of NVIDIA's, in words: for which architectures kernels were compiled ahead.
pub fn carried_kernels() -> String {
    match Archive::embedded().transpose() {
        Ok(archive) => carried(archive.as_ref()),
        Err(error) => error.to_string(),
    }
}
